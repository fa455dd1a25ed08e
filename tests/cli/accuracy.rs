//! A run learns: what the examples promise about the embedded digits holds on images that no
//! decision was made by. Larger data is measured in `docs/benchmarks.md`.

use crate::sandbox::{Sandbox, repository};

#[test]
fn digits_are_told_apart_on_held_out_images() {
    let sandbox = Sandbox::new();
    let config = repository().join("configs/cosine.toml");
    let config = config.to_str().unwrap();
    let summary = sandbox.ok(&["run", config, "--format", "json"]).json();
    let accuracy = summary["metrics"]["test/accuracy"].as_f64().unwrap();
    assert!(accuracy >= 0.97, "{accuracy} in {summary}");
}
