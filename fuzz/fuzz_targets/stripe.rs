#![no_main]

mod parsing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsing::stands(
    &parsing::source(r#"{"name":"fuzz","format":"stripe","psp":"p","merchant":"m"}"#),
    bytes
));
