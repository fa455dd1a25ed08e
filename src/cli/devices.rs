//! `trainer devices`.

use candle_core::Device;
use clap::{Args, ValueEnum};

use super::{CliError, Global, Output};
use crate::units::counted;
use crate::{
    report::{Align, Cell, Ink, Table},
    run::isa_class,
};

/// Show what this machine and this build can train on
///
/// A device is tried, not guessed: "yes" means that it was opened just now.
#[derive(Debug, Args)]
pub struct Devices {
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// A table
    Text,
    /// An array of objects
    Json,
}

/// One device and what came of opening it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
struct Found {
    device: String,
    available: bool,
    detail: String,
}

impl Devices {
    /// Opens each device and prints what came of it.
    ///
    /// # Errors
    /// Where standard output cannot be written.
    pub fn run(&self, _: &Global, out: &mut Output<'_>) -> Result<(), CliError> {
        let mut found = vec![cpu()];
        found.extend(probe("cuda", cfg!(feature = "cuda"), Device::new_cuda));
        found.extend(probe("metal", cfg!(feature = "metal"), Device::new_metal));
        match self.format {
            Format::Text => out.table(&table(&found)),
            Format::Json => out.json(&serde_json::json!(found)),
        }
    }
}

fn table(found: &[Found]) -> Table {
    let mut table = Table::new([
        ("device", Align::Left),
        ("available", Align::Left),
        ("", Align::Left),
    ]);
    for Found {
        device,
        available,
        detail,
    } in found
    {
        let (word, ink) = if *available {
            ("yes", Ink::Good)
        } else {
            ("no", Ink::Dim)
        };
        table.row([
            Cell::from(device.as_str()),
            Cell::from(word).ink(ink),
            detail.as_str().into(),
        ]);
    }
    table
}

/// The CPU: how many threads it runs at once and which vector instructions it has. Results are the
/// same bits on every CPU of the same instruction-set class.
fn cpu() -> Found {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Found {
        device: "cpu".into(),
        available: true,
        detail: format!("{}, {}", counted(threads as u64, "thread"), isa_class()),
    }
}

/// Opens devices 0, 1, … of a kind until one refuses; the first refusal says why there is none.
fn probe(
    kind: &str,
    built: bool,
    open: impl Fn(usize) -> candle_core::Result<Device>,
) -> Vec<Found> {
    let absent = |detail| {
        vec![Found {
            device: kind.into(),
            available: false,
            detail,
        }]
    };
    if !built {
        return absent(format!(
            "not in this build; cargo build --release --features {kind}"
        ));
    }
    let mut found = Vec::new();
    loop {
        let index = found.len();
        match open(index) {
            Ok(_) => found.push(Found {
                device: format!("{kind}:{index}"),
                available: true,
                detail: String::new(),
            }),
            Err(error) if index == 0 => return absent(format!("cannot be opened: {error}")),
            Err(_) => return found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_a_device_says_how_to_get_it() {
        let found = probe("cuda", false, |_| Ok(Device::Cpu));
        insta::assert_snapshot!(found[0].detail, @"not in this build; cargo build --release --features cuda");
        assert!(!found[0].available);
    }

    #[test]
    fn devices_are_counted_until_one_refuses() {
        let two = |n| {
            if n < 2 {
                Ok(Device::Cpu)
            } else {
                Err(candle_core::Error::Msg("no".into()))
            }
        };
        let found: Vec<String> = probe("cuda", true, two)
            .into_iter()
            .map(|f| f.device)
            .collect();
        assert_eq!(found, ["cuda:0", "cuda:1"]);
        let none = probe("cuda", true, |_| {
            Err(candle_core::Error::Msg("no driver".into()))
        });
        assert_eq!(
            (none[0].available, none[0].detail.contains("no driver")),
            (false, true)
        );
    }
}
