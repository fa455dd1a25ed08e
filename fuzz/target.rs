//! The glue between libFuzzer and a reader.

/// Makes a file a fuzz target: libFuzzer's inputs go to the reader of this name.
macro_rules! fuzz {
    ($name:literal) => {
        std::thread_local! {
            static BENCH: $crate::readers::Bench = $crate::readers::Bench::new();
        }
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            let reader = $crate::readers::READERS.iter().find(|reader| reader.name == $name);
            BENCH.with(|bench| (reader.unwrap().read)(bench, bytes));
        });
    };
}
