#![no_main]

mod parsing;

const SOURCE: &str = r#"{"name":"fuzz","format":"csv","psp":"p","merchant":"m","columns":{"identity":"id","currency":"=EUR","kind":"kind","date":"date","gross":"gross","fee":"fee","net":"net"}}"#;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsing::stands(&parsing::source(SOURCE), bytes));
