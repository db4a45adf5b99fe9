#![no_main]

mod parsing;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsing::stands(
    &parsing::source(r#"{"name":"fuzz","format":"adyen","psp":"p","merchant":"m"}"#),
    bytes
));
