//! `[model] init`: weights to start from.

use std::{fs, path::PathBuf};

use half::{bf16, f16};

use super::{LaunchError, hub};
use crate::{
    array::{Dtype, NamedArray, elements},
    config::{Fit, Init, WeightFile, short_path, stored},
    layer::Architecture,
    run::{self, InitInfo, RunError},
    safetensors::{Element, Stored},
    train::Session,
};

/// Lays what the model takes of a safetensors file over the session's parameters and buffers, and
/// says what it was. A file of the hub is that of the commit that is `known` from an earlier start.
///
/// # Errors
/// Where the file cannot be had or read, does not fit the model, or holds what is no number.
pub fn load(
    session: &mut Session,
    init: &Init,
    model: &Architecture,
    known: Option<&InitInfo>,
) -> Result<(InitInfo, Fit), LaunchError> {
    let from = init.source.to_string();
    let other = |why: String| LaunchError::OtherWeights {
        from: from.clone(),
        why,
    };
    let (path, revision) = find(init, known)?;
    stored(&path).map_err(|fault| other(fault.to_string()))?;
    let no_weights = |source| LaunchError::NoWeights {
        from: from.clone(),
        source,
    };
    let (tensors, blake3) = run::load_weights(&path).map_err(no_weights)?;
    let headers: Vec<Stored> = tensors.iter().map(|(stored, _)| stored.clone()).collect();
    let fit = Fit::new(init, &headers, model, &from);
    let fit = fit.map_err(|fault| other(format!("it does not fit the model: {fault}")))?;
    let arrays = arrays(&fit, &tensors).map_err(other)?;
    session
        .load_weights(&arrays)
        .map_err(|error| other(error.to_string()))?;
    let (run, step) = run::checkpoint_of(&path).unzip();
    let info = InitInfo {
        from,
        revision,
        run,
        step,
        blake3,
    };
    Ok((info, fit))
}

/// The file on this disk, and the commit where it is one of the hub.
fn find(init: &Init, known: Option<&InitInfo>) -> Result<(PathBuf, Option<String>), LaunchError> {
    let (path, revision) = match &init.source {
        WeightFile::Local(path) => (path.clone(), None),
        WeightFile::Hub(file) => {
            let commit = known.and_then(|known| known.revision.as_deref());
            let found = hub::fetch(file, commit)?;
            (found.path, Some(found.commit))
        }
    };
    // The hub's cache is made of links, and a user's own link means what it points to.
    match fs::canonicalize(&path) {
        Ok(path) => Ok((path, revision)),
        Err(source) => {
            let path = crate::units::lexical(&path);
            Err(LaunchError::NoWeights {
                from: short_path(&path),
                source: RunError::Io {
                    doing: "read",
                    path,
                    source,
                },
            })
        }
    }
}

/// The tensors that are taken, under the model's names and as F32.
fn arrays(fit: &Fit, tensors: &[(Stored, Vec<u8>)]) -> Result<Vec<NamedArray>, String> {
    let mut arrays = Vec::with_capacity(fit.taken.len());
    let mut faults = Vec::new();
    for taken in &fit.taken {
        let Some((stored, bytes)) = tensors.iter().find(|(s, _)| s.name == taken.from) else {
            continue;
        };
        let values = numbers(stored.element, bytes);
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let (value, count) = (values[place], values.len());
            let more = if wide(stored.element, bytes, place) {
                ", too large for F32"
            } else {
                ""
            };
            faults.push(format!(
                "`{}` is not finite: number {} of {count} is {value}{more}",
                stored.name,
                place + 1
            ));
        }
        arrays.push(NamedArray {
            name: taken.name.clone(),
            dtype: Dtype::F32,
            shape: stored.shape.clone(),
            bytes: values.into_iter().flat_map(f32::to_le_bytes).collect(),
        });
    }
    match faults.len() {
        0 => Ok(arrays),
        n => {
            faults.truncate(4);
            let more = if n > 4 {
                format!("; and {} more", n - 4)
            } else {
                String::new()
            };
            let hint = "take weights from before they were lost, such as an earlier checkpoint, or leave these out with `skip`";
            Err(format!("{}{more}; hint: {hint}", faults.join("; ")))
        }
    }
}

/// The numbers of an element type that converts; none of another.
fn numbers(element: Element, bytes: &[u8]) -> Vec<f32> {
    match element {
        Element::F32 => elements(bytes, f32::from_le_bytes),
        Element::F64 => elements(bytes, |b| f64::from_le_bytes(b) as f32),
        Element::F16 => elements(bytes, |b| f16::from_le_bytes(b).to_f32()),
        Element::Bf16 => elements(bytes, |b| bf16::from_le_bytes(b).to_f32()),
        _ => Vec::new(),
    }
}

/// Returns true where the number at `place` is finite as it is stored.
fn wide(element: Element, bytes: &[u8], place: usize) -> bool {
    let (numbers, _) = bytes.as_chunks::<8>();
    let is_finite = |number: &[u8; 8]| f64::from_le_bytes(*number).is_finite();
    element == Element::F64 && numbers.get(place).is_some_and(is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_width_are_read() {
        let f64s = [1.5f64, -2.0].map(f64::to_le_bytes).concat();
        assert_eq!(numbers(Element::F64, &f64s), [1.5, -2.0]);
        // 1.5 and −2 as IEEE 754 binary16, and as the upper half of binary32.
        assert_eq!(
            numbers(Element::F16, &[0x00, 0x3e, 0x00, 0xc0]),
            [1.5, -2.0]
        );
        assert_eq!(
            numbers(Element::Bf16, &[0xc0, 0x3f, 0x00, 0xc0]),
            [1.5, -2.0]
        );
        let large = 1e300f64.to_le_bytes();
        assert!(numbers(Element::F64, &large)[0].is_infinite());
        assert!(wide(Element::F64, &large, 0));
    }
}
