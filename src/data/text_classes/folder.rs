//! A folder with a sub-folder of text files for each class.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{TextClassesError, documents::Documents};
use crate::{
    data::{DataError, content::Content, encoding},
    units::counted,
};

/// A gzipped text may be so many times its file.
const MOST_PER_BYTE: u64 = 256;

/// Reads every file of every sub-folder, by name; hidden ones are left out.
pub(super) fn read(path: &Path, as_text: bool) -> Result<Documents, DataError> {
    let mut found = Documents {
        texts: Vec::new(),
        classes: Vec::new(),
        names: Vec::new(),
        places: Vec::new(),
        fingerprint: String::new(),
        notes: Vec::new(),
    };
    let (mut digest, mut deeper, mut errors) = (blake3::Hasher::new(), 0, Vec::new());
    let (folders, beside) = listed(path)?;
    if folders.is_empty() {
        return Err(TextClassesError::NoClasses { path: path.into() }.into());
    }
    for folder in folders {
        let (below, files) = listed(&folder)?;
        deeper += below.len();
        if files.is_empty() {
            errors.push(TextClassesError::EmptyClass { path: folder }.into());
            continue;
        }
        let (class, name) = (found.names.len() as u32, name(&folder)?);
        digest.update(format!("{name:?} {}", files.len()).as_bytes());
        found.names.push(name);
        for file in files {
            match document(&file, as_text) {
                Ok(text) => {
                    digest.update(&(text.len() as u64).to_le_bytes());
                    digest.update(&text);
                    found.texts.push(text);
                    found.classes.push(class);
                    found.places.push(format!("`{}`", file.display()));
                }
                Err(error) => errors.push(error),
            }
        }
    }
    if let Some(error) = DataError::several(errors) {
        return Err(error);
    }
    let left_out = [
        (beside.len(), "file", "beside the classes' folders"),
        (deeper, "folder", "below the classes' folders"),
    ];
    let note = |(count, noun, place): (usize, &str, &str)| {
        (count > 0).then(|| format!("{} {place} not read", counted(count as u64, noun)))
    };
    found.notes.extend(left_out.into_iter().filter_map(note));
    found.fingerprint = digest.finalize().to_hex().to_string();
    Ok(found)
}

/// The bytes of a document, which are UTF-8 where it is read as text.
fn document(path: &Path, as_text: bool) -> Result<Vec<u8>, DataError> {
    let bytes = Content::read_all(path, MOST_PER_BYTE)?;
    if as_text {
        encoding::utf8(path, &bytes)?;
    }
    Ok(bytes)
}

/// The folders in a folder, and everything else, both sorted by name.
fn listed(path: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), DataError> {
    let read = |source| DataError::Read {
        path: path.into(),
        source,
    };
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(path).map_err(read)? {
        let entry = entry.map_err(read)?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        match path.is_dir() {
            true => folders.push(path),
            false => files.push(path),
        }
    }
    folders.sort();
    files.sort();
    Ok((folders, files))
}

fn name(folder: &Path) -> Result<String, TextClassesError> {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.map(Into::into).ok_or(TextClassesError::Name {
        path: folder.into(),
    })
}
