//! The header of a file of weights, and in words what else the file may be.

use std::{
    fs::{self, File},
    io::{BufReader, Read},
    path::Path,
};

use crate::{
    error::{Fault, io_reason},
    file,
    safetensors::{self, Stored},
};

/// The first bytes of other programs' files, with the format's name and a remedy.
const OTHERS: [(&[u8], &str, &str); 8] = [
    (b"\x80\x02", "a pickle, as `torch.save` wrote", TORCH),
    (b"\x80\x03", "a pickle", TORCH),
    (b"\x80\x04", "a pickle", TORCH),
    (
        b"\x1f\x8b",
        "compressed by gzip",
        "unpack it first, with `gunzip`",
    ),
    (
        b"\x89HDF",
        "an HDF5 file, as Keras writes",
        "save its arrays with the `safetensors` package",
    ),
    (
        b"\x93NUMPY",
        "one NumPy array",
        "save all arrays of the model with `safetensors.numpy.save_file`",
    ),
    (
        b"GGUF",
        "a GGUF file",
        "take the safetensors file that it was made from",
    ),
    (
        b"version https://git-lfs",
        "a pointer of Git LFS in place of the file",
        "fetch the file with `git lfs pull`",
    ),
];

const TORCH: &str =
    "in Python: `safetensors.torch.save_file(torch.load(FILE, weights_only=True), NEW)`";

/// The remedy where a name leads to no weights.
const ANOTHER: &str = "name a safetensors file, a checkpoint's folder or a run";

/// The tensors of the safetensors file at `path`, by its header.
///
/// # Errors
/// The reason.
pub fn stored(path: &Path) -> Result<Vec<Stored>, Fault> {
    let found = fs::metadata(path).map_err(|e| Fault::new(io_reason(&e)))?;
    if found.is_dir() {
        return Err(folder(path));
    }
    let file = file::open(path).map_err(|e| Fault::new(io_reason(&e)))?;
    let read = safetensors::header(&mut BufReader::new(file), found.len());
    let tensors = read.map_err(|why| {
        let plain = || Fault::new(format!("it is no safetensors file: {why}"));
        other(path, found.len()).unwrap_or_else(plain)
    })?;
    if tensors.is_empty() {
        return Err(Fault::new("it holds no tensors"));
    }
    let name = path.file_name().unwrap_or_default();
    if name == "optimizer.safetensors" && path.with_file_name("model.safetensors").is_file() {
        let fault = Fault::new("it holds the state of an optimizer");
        return Err(fault.hint("name the `model.safetensors` beside it"));
    }
    Ok(tensors)
}

/// Says what is wrong with a folder in place of a file.
fn folder(path: &Path) -> Fault {
    let mut names: Vec<String> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.ends_with(".safetensors"))
        .collect();
    names.sort();
    match &names[..] {
        [] => Fault::new("it is a folder without a safetensors file").hint(ANOTHER),
        [name, ..] => {
            Fault::new("it is a folder").hint(format!("name the file in it, such as `{name}`"))
        }
    }
}

/// Says what a file is that is no safetensors file, where its first bytes or its name tell.
fn other(path: &Path, length: u64) -> Option<Fault> {
    let is = |what: &str| Fault::new(format!("it is {what}, no safetensors file"));
    let mut start = [0; 24];
    let mut file = File::open(path).ok()?;
    let count = file.read(&mut start).ok()?;
    let start = &start[..count];
    if length == 0 {
        return Some(Fault::new("it is empty").hint("was it written, or downloaded, to its end?"));
    }
    if start.starts_with(b"PK\x03\x04") {
        let npz = path.extension().is_some_and(|end| end == "npz");
        let (what, hint) = match npz {
            true => (
                "an archive of NumPy arrays",
                "in Python: `safetensors.numpy.save_file(dict(numpy.load(FILE)), NEW)`",
            ),
            false => ("an archive, as `torch.save` writes", TORCH),
        };
        return Some(is(what).hint(hint));
    }
    let known = OTHERS.iter().find(|(begin, ..)| start.starts_with(begin));
    if let Some((_, what, hint)) = known {
        return Some(is(what).hint(*hint));
    }
    let end = path.extension().unwrap_or_default().to_string_lossy();
    let config = matches!(&*end, "toml" | "json" | "jsonl");
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let what = match config {
        true => format!("a .{end} file"),
        false if start.iter().all(is_text) => "a text".into(),
        false => return None,
    };
    Some(is(&what).hint(ANOTHER))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of this header and so many bytes.
    fn tensors(header: &str, data: usize) -> Vec<u8> {
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), &vec![0; data]].concat()
    }

    #[test]
    fn what_is_no_safetensors_file_is_told_for_what_it_is() {
        let one = r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
        let whole = tensors(one, 4);
        let cases: [(&str, &[u8], &str); 16] = [
            (
                "w.pt",
                b"PK\x03\x04rest",
                "it is an archive, as `torch.save` writes, no safetensors file; hint: in Python",
            ),
            (
                "w.bin",
                b"PK\x03\x04rest",
                "an archive, as `torch.save` writes",
            ),
            ("w.npz", b"PK\x03\x04rest", "an archive of NumPy arrays"),
            (
                "w.pth",
                b"\x80\x02}q\x00.",
                "it is a pickle, as `torch.save` wrote",
            ),
            (
                "w.pkl",
                b"\x80\x04\x95\x00",
                "it is a pickle, no safetensors file",
            ),
            (
                "w.safetensors.gz",
                b"\x1f\x8b\x08\x00",
                "it is compressed by gzip, no safetensors file; hint: unpack it first",
            ),
            ("w.h5", b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
            ("w.npy", b"\x93NUMPY\x01\x00", "one NumPy array"),
            ("w.gguf", b"GGUF\x03\x00\x00\x00", "a GGUF file"),
            (
                "w.safetensors",
                b"version https://git-lfs.github.com/spec/v1\n",
                "a pointer of Git LFS",
            ),
            ("w.safetensors", b"", "it is empty; hint: was it written"),
            (
                "w.safetensors",
                b"\x08\x00",
                "it is no safetensors file: failed to fill whole buffer",
            ),
            (
                "w.safetensors",
                &whole[..20],
                "it is no safetensors file: its header of 54 bytes is longer than the file",
            ),
            (
                "w.safetensors",
                &whole[..whole.len() - 1],
                "does not fit its place 0..4",
            ),
            (
                "plan.toml",
                b"[model]\ntype = \"mlp\"\nhidden = [8]\n",
                "it is a .toml file, no safetensors file; hint: name a safetensors file",
            ),
            ("w.safetensors", &tensors("{}", 0), "it holds no tensors"),
        ];
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes, wanted) in cases {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            let why = stored(&path).unwrap_err().to_string();
            assert!(why.contains(wanted), "{name}: {why}");
        }
        let path = folder.path().join("whole");
        fs::write(&path, &whole).unwrap();
        assert_eq!(stored(&path).unwrap()[0].name, "a");
        assert!(
            stored(&folder.path().join("none"))
                .unwrap_err()
                .message
                .contains("no such file")
        );
    }

    #[test]
    fn a_folder_and_an_optimizers_state_name_the_file_that_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let why = stored(folder.path()).unwrap_err().to_string();
        assert!(why.contains("a folder without a safetensors file"), "{why}");
        let one = tensors(
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            4,
        );
        for name in ["model.safetensors", "optimizer.safetensors"] {
            fs::write(folder.path().join(name), &one).unwrap();
        }
        let why = stored(folder.path()).unwrap_err().to_string();
        assert!(why.ends_with("such as `model.safetensors`"), "{why}");
        let why = stored(&folder.path().join("optimizer.safetensors"))
            .unwrap_err()
            .to_string();
        assert!(
            why.ends_with("hint: name the `model.safetensors` beside it"),
            "{why}"
        );
    }
}
