//! Documents of different lengths, each with a class: a folder with a sub-folder of text files for
//! each class, or a CSV file with a column of text.
//!
//! A document is its first `max_length` tokens. Id 0 stands for every token that the vocabulary
//! does not have, and an empty document is one such token. The vocabulary is that of the training
//! split: its most frequent tokens, sorted, from id 1 on.

mod documents;
mod error;
mod folder;
mod tokens;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use error::TextClassesError;
pub use tokens::TokenKind;

use documents::Documents;
use tokens::Vocabulary;

use super::{
    ClassCounts, Data, DataError, Dataset, DatasetKeys, DatasetSpec, Facts, Labels, Split, Values,
};
use crate::{
    field::Field,
    task::{Target, Task},
    units::{FilePath, counted},
};

/// Documents of different lengths, each with a class. They are a folder with a sub-folder of text
/// files for each class, or a CSV file with a column of text. 10% validation and 10% test by
/// default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TextClasses {
    /// The folder, whose sub-folders are the classes, or the CSV file; every file may be gzipped.
    #[schemars(example = &"data/reviews")]
    pub path: FilePath,
    /// Name of the CSV file's column of text. Default text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"text")]
    pub text: Option<String>,
    /// Name of the CSV file's column of classes. Default label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"label")]
    pub target: Option<String>,
    /// The tokens: characters, bytes, or words (letters and digits in a row, in lower case; every other sign is one by itself). Default characters.
    #[serde(default)]
    pub tokens: TokenKind,
    /// Tokens of a document that are read; what is behind them is left out. Default 256. At least 1.
    #[serde(default = "max_length")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub max_length: usize,
    /// The most different tokens: the most frequent ones of the training split. All others are one token. Default 20000. At least 1.
    #[serde(default = "most_tokens")]
    #[schemars(range(min = 1, max = 16_777_215))]
    pub vocabulary: usize,
}

fn max_length() -> usize {
    256
}

fn most_tokens() -> usize {
    20_000
}

impl DatasetSpec for TextClasses {
    fn describe(&self, keys: &DatasetKeys, seed: u64) -> Result<Facts, DataError> {
        // The vocabulary is known when all documents are.
        Ok(self.load(keys, seed)?.facts)
    }

    fn load(&self, keys: &DatasetKeys, seed: u64) -> Result<Data, DataError> {
        let documents = Documents::read(self)?;
        let labels = Labels {
            classes: &documents.classes,
            names: &documents.names,
        };
        let split = keys.split.or(&self.defaults());
        let count = documents.classes.len();
        let split = Split::new(count, &split, keys.limit, seed, Some(labels))?;
        let train = split.train.iter().map(|&i| &documents.texts[i as usize]);
        let words = |text: &Vec<u8>| self.tokens.of(text, self.max_length);
        let vocabulary = Vocabulary::of(train.map(words), self.vocabulary);
        let texts = Texts::new(&documents, self, &vocabulary);
        let facts = Facts {
            fields: vec![Field::tokens("text", self.max_length, vocabulary.len()).varying()],
            task: Task::classes(documents.names),
            train: 0,
            val: 0,
            test: 0,
            counts: ClassCounts::default(),
            notes: [documents.notes, texts.notes(self.max_length)].concat(),
            warnings: Vec::new(),
        };
        let whole: Arc<dyn Dataset> = Arc::new(texts);
        Ok(Data::new(facts, &whole, split, documents.fingerprint))
    }
}

/// Documents as tokens, one behind the other.
struct Texts {
    tokens: Vec<u32>,
    /// The end of each document.
    ends: Vec<usize>,
    classes: Vec<u32>,
    places: Vec<String>,
    /// Documents that have no token, and those that have too many.
    odd: [usize; 2],
}

impl Texts {
    fn new(documents: &Documents, spec: &TextClasses, vocabulary: &Vocabulary) -> Self {
        let mut texts = Self {
            tokens: Vec::new(),
            ends: Vec::new(),
            classes: documents.classes.clone(),
            places: documents.places.clone(),
            odd: [0, 0],
        };
        for text in &documents.texts {
            let (start, most) = (texts.tokens.len(), spec.max_length);
            let words = spec.tokens.of(text, most.saturating_add(1));
            texts
                .tokens
                .extend(words.iter().map(|word| vocabulary.id(word)));
            match texts.tokens.len() - start {
                0 => {
                    texts.odd[0] += 1;
                    texts.tokens.push(Vocabulary::UNKNOWN);
                }
                length if length > most => {
                    texts.odd[1] += 1;
                    texts.tokens.truncate(start + most);
                }
                _ => {}
            }
            texts.ends.push(texts.tokens.len());
        }
        texts
    }

    fn notes(&self, most: usize) -> Vec<String> {
        let told = |count: usize, what: String| {
            (count > 0).then(|| format!("{} {what}", counted(count as u64, "document")))
        };
        let [empty, long] = self.odd;
        let empty = told(empty, "without a token: one unknown token each".into());
        let long = told(
            long,
            format!("of more than `{most}` tokens: the rest is not read"),
        );
        empty.into_iter().chain(long).collect()
    }
}

impl Dataset for Texts {
    fn len(&self) -> usize {
        self.classes.len()
    }

    fn get(&self, index: usize, _: usize, out: &mut Values) -> Result<(), DataError> {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        out.ids()?
            .extend_from_slice(&self.tokens[start..self.ends[index]]);
        Ok(())
    }

    fn target(&self, index: usize) -> Target<'_> {
        Target::Class(self.classes[index])
    }

    fn place(&self, index: usize) -> String {
        self.places[index].clone()
    }
}

#[cfg(test)]
mod tests;
