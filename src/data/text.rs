//! Text as tokens: each character is one, and a sample is `context` of them in a row, to be
//! continued by one at each place.
//!
//! The vocabulary is the file's set of characters, sorted; a token's id is its place in it. The
//! text is cut in three, in its own order: training, then validation, then test. Samples are
//! windows of one part, `stride` apart: inputs t₀ … t₍c₋₁₎, targets t₁ … t₍c₎. What is left at the
//! end of a part and fills no window is not used.

mod error;
mod parts;
mod vocabulary;

use std::{borrow::Cow, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use error::TextError;
use parts::{Parts, Window};
use vocabulary::Vocabulary;

use super::{
    ClassCounts, Data, DataError, Dataset, DatasetKeys, DatasetSpec, Facts, Share, SplitKeys,
    Values, content::Content, encoding,
};
use crate::{
    field::Field,
    task::{Target, Task},
    units::FilePath,
};

/// A text file whose next character is predicted at each place. Each character is a token. The file
/// is UTF-8, plain or gzipped. The last 10% of the text are validation by default; a test split,
/// where there is one, comes after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// The file.
    #[schemars(example = &"data/book.txt")]
    pub path: FilePath,
    /// Tokens of a sample. At least 1.
    #[schemars(range(min = 1, max = 1_048_576), example = 128)]
    pub context: usize,
    /// Tokens between the beginnings of two samples; fewer than `context` make them overlap, and more of them. Default: `context`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_048_576), example = 64)]
    pub stride: Option<usize>,
}

/// A gzipped text may be so many times its file.
const MOST_PER_BYTE: u64 = 256;

impl DatasetSpec for Text {
    fn defaults(&self) -> SplitKeys {
        SplitKeys {
            val: Some(Share::Percent(10.0)),
            test: Some(Share::Percent(0.0)),
            ..SplitKeys::default()
        }
    }

    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError> {
        let text = self.read()?;
        let (vocabulary, parts) = self.prepare(&text, keys, seed)?;
        let tokens = vocabulary.tokens(&text);
        Ok(self.facts(vocabulary, &parts, &tokens))
    }

    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        let text = self.read()?;
        let (vocabulary, parts) = self.prepare(&text, keys, seed)?;
        let tokens: Arc<[u32]> = vocabulary.tokens(&text).into();
        let part = |starts: Vec<u32>| -> Arc<dyn Dataset> {
            Arc::new(Windows {
                tokens: Arc::clone(&tokens),
                starts,
                context: self.context,
            })
        };
        let some = |starts: Vec<u32>| (!starts.is_empty()).then(|| part(starts));
        Ok(Data {
            facts: self.facts(vocabulary, &parts, &tokens),
            train: part(parts.train),
            val: some(parts.val),
            test: some(parts.test),
            fingerprint: blake3::hash(text.as_bytes()).to_hex().to_string(),
            target_scale: None,
        })
    }
}

impl Text {
    /// The whole text, which is not empty.
    fn read(&self) -> Result<String, DataError> {
        let path = &self.path.0;
        let bytes = Content::read_all(path, MOST_PER_BYTE)?;
        if bytes.is_empty() {
            return Err(TextError::Empty { path: path.clone() }.into());
        }
        Ok(encoding::utf8(path, &bytes)?.to_owned())
    }

    /// Its vocabulary, and where its samples begin.
    fn prepare(
        &self,
        text: &str,
        keys: &DatasetKeys,
        seed: u64,
    ) -> Result<(Vocabulary, Parts), TextError> {
        let (path, context) = (&self.path.0, self.context);
        let (vocabulary, length) = Vocabulary::of(text);
        if length <= context {
            return Err(TextError::Short {
                path: path.clone(),
                length,
                context,
            });
        }
        if let [only] = vocabulary.characters() {
            return Err(TextError::Constant {
                path: path.clone(),
                only: *only,
            });
        }
        let window = Window {
            context,
            stride: self.stride.unwrap_or(context),
        };
        let split = keys.split.or(&self.defaults());
        let parts = Parts::of(path, length, window, &split, keys.limit, seed)?;
        Ok((vocabulary, parts))
    }

    fn facts(&self, vocabulary: Vocabulary, parts: &Parts, tokens: &[u32]) -> Facts {
        let unseen = self.unseen(&vocabulary, parts, tokens);
        let notes = odd(vocabulary.characters(), tokens)
            .into_iter()
            .chain(unseen);
        Facts {
            fields: vec![Field::tokens(
                "tokens",
                self.context,
                vocabulary.characters().len(),
            )],
            task: Task::NextToken {
                vocabulary: vocabulary.names(),
            },
            train: parts.train.len(),
            val: parts.val.len(),
            test: parts.test.len(),
            counts: ClassCounts::default(),
            notes: notes.collect(),
            warnings: Vec::new(),
        }
    }

    /// A note about the characters that no training sample has.
    fn unseen(&self, vocabulary: &Vocabulary, parts: &Parts, tokens: &[u32]) -> Option<String> {
        const LISTED: usize = 5;
        let mut seen = vec![false; vocabulary.characters().len()];
        for &start in &parts.train {
            for &token in &tokens[start as usize..][..=self.context] {
                seen[token as usize] = true;
            }
        }
        let characters = vocabulary.characters().iter().zip(&seen);
        let unseen: Vec<char> = characters
            .filter(|(_, seen)| !**seen)
            .map(|(c, _)| *c)
            .collect();
        let listed = unseen.iter().take(LISTED);
        let listed: Vec<String> = listed.map(|c| format!("`{}`", c.escape_debug())).collect();
        let more = if unseen.len() > LISTED { ", …" } else { "" };
        (!unseen.is_empty()).then(|| {
            format!(
                "`{}` of `{}` characters are in no training sample: {}{more}",
                unseen.len(),
                seen.len(),
                listed.join(", ")
            )
        })
    }
}

/// Notes about characters that few texts mean to have.
fn odd(characters: &[char], tokens: &[u32]) -> Vec<String> {
    let first = tokens
        .first()
        .and_then(|&token| characters.get(token as usize));
    let is_marked = first == Some(&'\u{feff}');
    let mark = is_marked.then(|| {
        "the text begins with a byte order mark, which is a token like any other; save the file without it".to_string()
    });
    let nul = characters.contains(&'\0').then(|| {
        "the text has NUL characters, which are tokens like any other: is it a text file?"
            .to_string()
    });
    mark.into_iter().chain(nul).collect()
}

/// Windows of a text. A sample's id is the place of its first token.
struct Windows {
    tokens: Arc<[u32]>,
    starts: Vec<u32>,
    context: usize,
}

impl Windows {
    /// The tokens from so many behind the beginning of a sample on.
    fn from(&self, index: usize, behind: usize) -> &[u32] {
        &self.tokens[self.starts[index] as usize + behind..][..self.context]
    }
}

impl Dataset for Windows {
    fn len(&self) -> usize {
        self.starts.len()
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        out.ids()?.extend_from_slice(self.from(index, 0));
        Ok(())
    }

    fn target(&self, index: usize) -> Target<'_> {
        Target::Classes(Cow::Borrowed(self.from(index, 1)))
    }

    fn id(&self, index: usize) -> u32 {
        self.starts[index]
    }
}

#[cfg(test)]
mod tests;
