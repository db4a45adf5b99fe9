//! The program: everything it does is a command of [`tollgate::cli`].

fn main() -> std::process::ExitCode {
    tollgate::cli::main()
}
