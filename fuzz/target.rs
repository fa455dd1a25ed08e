//! The glue between libFuzzer and a reader.

use serde_json::{Deserializer, Value};

/// Makes a file a fuzz target: libFuzzer's inputs go to the reader of this name.
macro_rules! fuzz {
    ($name:literal) => {
        std::thread_local! {
            static BENCH: $crate::readers::Bench = $crate::readers::Bench::new();
        }
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
            let reader = $crate::readers::READERS.iter().find(|reader| reader.name == $name);
            if $crate::target::is_worth_it($name, bytes) {
                BENCH.with(|bench| (reader.unwrap().read)(bench, bytes));
            }
        });
    };
}

/// Returns whether a reader should see these bytes. Three of them read a whole run each time. Of
/// bytes that are not JSON they get one in 64: such bytes are all refused at the same place.
pub fn is_worth_it(name: &str, bytes: &[u8]) -> bool {
    let is_slow = ["manifest", "metrics", "summary"].contains(&name);
    let mut values = Deserializer::from_slice(bytes).into_iter::<Value>();
    let sum: usize = bytes.iter().map(|byte| usize::from(*byte)).sum();
    !is_slow || sum.is_multiple_of(64) || values.all(|value| value.is_ok())
}
