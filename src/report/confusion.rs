//! What became of each class: precision, recall and F1 of each, and which classes were taken for which.

use serde_json::{Value, json};

use super::{Align, Palette, Table, short};
use crate::event::Confusion;
use crate::units::counted;

/// A class among all that were evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassScore {
    /// Its name.
    pub class: String,
    /// Of the samples that were predicted as it, the share that is right; 0 where there are none.
    pub precision: f64,
    /// Of its samples, the share that was predicted as it; 0 where there are none.
    pub recall: f64,
    /// The harmonic mean of both; 0 where both are.
    pub f1: f64,
    /// Its samples.
    pub support: u64,
}

/// More classes are not all shown.
const CLASSES: usize = 20;
/// Larger matrices are shown as a list of what is confused most.
const MATRIX: usize = 12;
/// Lines of such a list.
const PAIRS: usize = 10;

/// The scores of every class.
#[must_use]
pub fn class_scores(confusion: &Confusion) -> Vec<ClassScore> {
    let counts = &confusion.counts;
    let told = |class: usize| counts.iter().map(|row| row[class]).sum::<u64>();
    let share = |part: u64, whole: u64| match whole {
        0 => 0.0,
        whole => part as f64 / whole as f64,
    };
    let score = |(class, name): (usize, &String)| {
        let (hits, support) = (counts[class][class], counts[class].iter().sum());
        ClassScore {
            class: name.clone(),
            precision: share(hits, told(class)),
            recall: share(hits, support),
            f1: share(2 * hits, support + told(class)),
            support,
        }
    };
    confusion.classes.iter().enumerate().map(score).collect()
}

/// Scores of the classes and what was taken for what, on lines of `width` characters. Unless `all` are
/// asked for, of many classes only those with the lowest F1 are shown.
#[must_use]
pub fn classes_text(confusion: &Confusion, all: bool, width: usize, palette: Palette) -> String {
    let mut text = scores_text(&class_scores(confusion), all, palette);
    let matrix = matrix(confusion);
    let shown = if all || confusion.classes.len() <= MATRIX && matrix.width() <= width {
        matrix.render(palette)
    } else {
        confused(confusion, palette)
    };
    if !shown.is_empty() {
        text += &format!("\n{shown}");
    }
    text
}

fn scores_text(scores: &[ClassScore], all: bool, palette: Palette) -> String {
    let mut shown: Vec<&ClassScore> = scores.iter().collect();
    let folds = !all && scores.len() > CLASSES;
    if folds {
        // A class that has no sample has not failed.
        shown.retain(|score| score.support > 0);
        shown.sort_by(|a, b| a.f1.total_cmp(&b.f1));
        shown.truncate(CLASSES);
    }
    let mut table = Table::new([
        ("class", Align::Left),
        ("precision", Align::Right),
        ("recall", Align::Right),
        ("f1", Align::Right),
        ("samples", Align::Right),
    ]);
    for score in &shown {
        let numbers = [score.precision, score.recall, score.f1].map(three);
        let [precision, recall, f1] = numbers;
        let support = score.support.to_string();
        table.row([score.class.clone(), precision, recall, f1, support]);
    }
    let mut text = table.render(palette);
    if folds {
        let rest = scores.len() - shown.len();
        text += &format!(
            "the lowest F1 first; {}: --confusion shows all\n",
            counted(rest as u64, "more class")
        );
    }
    text
}

/// A share with three decimals, so that columns line up.
fn three(share: f64) -> String {
    format!("{share:.3}")
}

/// A row for each class, a column for each prediction.
fn matrix(confusion: &Confusion) -> Table {
    let title = ("class \\ predicted", Align::Left);
    let names = confusion
        .classes
        .iter()
        .map(|name| (name.as_str(), Align::Right));
    let mut table = Table::new(std::iter::once(title).chain(names));
    for (name, counts) in confusion.classes.iter().zip(&confusion.counts) {
        let counts = counts.iter().map(ToString::to_string);
        table.row(std::iter::once(name.clone()).chain(counts));
    }
    table
}

/// The pairs of classes that were confused most; empty where none was.
fn confused(confusion: &Confusion, palette: Palette) -> String {
    let mut pairs = Vec::new();
    for (class, counts) in confusion.counts.iter().enumerate() {
        let wrong = counts.iter().enumerate();
        let wrong = wrong.filter(|(told, count)| *told != class && **count > 0);
        pairs.extend(wrong.map(|(told, count)| (*count, class, told)));
    }
    pairs.sort_by_key(|(count, class, told)| (u64::MAX - count, *class, *told));
    let mut table = Table::new([
        ("class", Align::Left),
        ("predicted as", Align::Left),
        ("samples", Align::Right),
        ("share", Align::Right),
    ]);
    for (count, class, told) in pairs.into_iter().take(PAIRS) {
        let support: u64 = confusion.counts[class].iter().sum();
        let share = format!(
            "{}%",
            short((100.0 * count as f64 / support as f64).round())
        );
        let names = [class, told].map(|i| confusion.classes[i].clone());
        let [class, told] = names;
        table.row([class, told, count.to_string(), share]);
    }
    match table.is_empty() {
        true => String::new(),
        false => table.render(palette),
    }
}

/// The scores and the matrix for programs.
#[must_use]
pub fn confusion_object(confusion: &Confusion) -> Value {
    let score = |s: &ClassScore| {
        json!({
            "class": s.class, "precision": s.precision, "recall": s.recall, "f1": s.f1,
            "support": s.support,
        })
    };
    json!({
        "classes": confusion.classes,
        "counts": confusion.counts,
        "by_class": class_scores(confusion).iter().map(score).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Confusion {
        Confusion {
            classes: ["ant", "bee", "cat"].map(String::from).to_vec(),
            counts: vec![vec![5, 0, 1], vec![2, 2, 0], vec![0, 0, 0]],
        }
    }

    /// `precision_recall_fscore_support([0]*6 + [1]*4, [0]*5 + [2, 0, 0, 1, 1], zero_division=0)`.
    #[test]
    fn scores_are_scikit_learns() {
        let scores = class_scores(&small());
        let near = |got: f64, want: f64| (got - want).abs() < 1e-15;
        assert!(near(scores[0].precision, 5.0 / 7.0) && near(scores[0].recall, 5.0 / 6.0));
        assert!(near(scores[0].f1, 10.0 / 13.0) && scores[0].support == 6);
        assert!(near(scores[1].precision, 1.0) && near(scores[1].f1, 2.0 / 3.0));
        let cat = (
            scores[2].precision,
            scores[2].recall,
            scores[2].f1,
            scores[2].support,
        );
        assert_eq!(cat, (0.0, 0.0, 0.0, 0));
    }

    #[test]
    fn a_few_classes_are_shown_with_their_matrix() {
        insta::assert_snapshot!(classes_text(&small(), false, 80, Palette::PLAIN), @r"
        class  precision  recall     f1  samples
        ant        0.714   0.833  0.769        6
        bee        1.000   0.500  0.667        4
        cat        0.000   0.000  0.000        0

        class \ predicted  ant  bee  cat
        ant                  5    0    1
        bee                  2    2    0
        cat                  0    0    0
        ");
    }

    #[test]
    fn a_narrow_screen_gets_the_pairs_that_are_confused_most() {
        let text = classes_text(&small(), false, 20, Palette::PLAIN);
        let pairs = text.split_once("\n\n").unwrap().1;
        insta::assert_snapshot!(pairs, @r"
        class  predicted as  samples  share
        bee    ant                 2    50%
        ant    cat                 1    17%
        ");
    }

    #[test]
    fn many_classes_are_folded_worst_first() {
        let n = 150;
        let mut counts = vec![vec![0; n]; n];
        for (class, row) in counts.iter_mut().enumerate() {
            row[class] = 10 + class as u64;
            row[(class + 1) % n] = 5;
        }
        let classes = (0..n).map(|i| format!("c{i}")).collect();
        let confusion = Confusion { classes, counts };
        let text = classes_text(&confusion, false, 80, Palette::PLAIN);
        assert!(text.lines().count() < 40, "{text}");
        assert!(text.lines().nth(1).unwrap().starts_with("c0 "), "{text}");
        assert!(text.contains("130 more classes"), "{text}");
        let whole = classes_text(&confusion, true, 80, Palette::PLAIN);
        assert!(whole.lines().count() > 300);
    }
}
