//! Truncates the log of a resumed run where its checkpoint stands, so that it goes on as if nothing
//! had happened.

use std::{
    io::{self, Read, Seek, SeekFrom},
    path::Path,
};

use super::{
    Row, RunError,
    checkpoint::Manifest,
    disk::{self, Entry},
    layout,
    log::{Log, Next, lines},
    row_builder::{RowBuilder, reason_name},
};
use crate::event::{Reason, key};

/// Cuts the log of the run at `run` after the commit lines of the checkpoint that `manifest`
/// describes (or wholly, where there is none), and gives the number of the next row. The cut rows
/// are kept in `metrics.cut-<attempt>.jsonl`.
///
/// Commit lines of the checkpoint that a signal or the end of the run caused are cut too: an
/// uninterrupted run has none there. Those that a crash prevented are added.
pub fn truncate(
    run: &Entry,
    (attempt, format): (u32, u32),
    manifest: Option<&Manifest>,
) -> Result<u64, RunError> {
    let path = run.join(layout::METRICS);
    let Place {
        end,
        seq,
        committed,
    } = match manifest {
        Some(manifest) => place(&path, manifest)?,
        None => Place::default(),
    };
    let length = match disk::exists(&path) {
        true => disk::open(&path)?.1,
        false => 0,
    };
    if length > end {
        split(&path, end, &layout::cut_rows(run, attempt))?;
    }
    match manifest {
        Some(manifest) => {
            let next = Next {
                seq,
                attempt: manifest.attempt,
                format,
            };
            commit(&path, next, manifest, &committed)
        }
        None => Ok(seq),
    }
}

/// Where a log is cut.
#[derive(Default)]
struct Place {
    /// Offset of the first byte that goes.
    end: u64,
    /// Number of the next row.
    seq: u64,
    /// Reasons of the commit lines that stay.
    committed: Vec<String>,
}

/// The place after the last commit line of a checkpoint. Where a crash prevented that line, nothing
/// was written after the checkpoint: then the place after the last row up to its step. (Steps may
/// repeat where the run went back after a divergence.)
fn place(path: &Entry, manifest: &Manifest) -> Result<Place, RunError> {
    let (mut place, mut rows, mut stopped) = (Place::default(), Place::default(), false);
    for line in lines(path, 0)? {
        let line = line?;
        let row = match line.row {
            Ok(row) if line.whole => row,
            // The log goes on behind a damaged line; `verify` tells it.
            Err(_) if line.whole => continue,
            _ => break,
        };
        let own = row.kind == "checkpoint" && row.step == manifest.step;
        let own = own && row.text(key::STATE_HASH) == Some(&manifest.state_hash);
        let (end, seq) = (line.end, row.seq.saturating_add(1));
        if own && !stops(&row) {
            place.committed.extend(row.text("reason").map(String::from));
            place = Place { end, seq, ..place };
        } else if !own && !stopped && row.step <= manifest.step {
            rows = Place { end, seq, ..rows };
        }
        stopped |= own && stops(&row);
    }
    Ok(if place.committed.is_empty() {
        rows
    } else {
        place
    })
}

/// Returns whether a commit line is there only because the run was stopped or at its end.
fn stops(row: &Row) -> bool {
    matches!(row.text("reason"), Some("signal" | "final"))
}

/// Moves everything from `end` on to a new file, and puts a new file with the rest in the log's
/// place.
fn split(path: &Entry, end: u64, cut: &Entry) -> Result<(), RunError> {
    copy(path, end, u64::MAX, cut)?;
    let kept = disk::fresh_name(path);
    if disk::exists(&kept) {
        disk::remove_file(&kept)?;
    }
    copy(path, 0, end, &kept)?;
    disk::rename(&kept, path)
}

/// Copies part of a file to a new one, durably.
fn copy(from: &Entry, start: u64, length: u64, to: &Entry) -> Result<(), RunError> {
    let (mut source, _) = disk::open(from)?;
    source
        .seek(SeekFrom::Start(start))
        .map_err(RunError::io("read", from))?;
    let mut target = disk::create_file(to)?;
    io::copy(&mut source.take(length), &mut target).map_err(RunError::io("write", to))?;
    target.sync().map_err(RunError::io("sync", to))
}

/// Adds the commit lines that are missing because the process was killed between the rename and
/// the line.
fn commit(
    path: &Entry,
    next: Next,
    manifest: &Manifest,
    committed: &[String],
) -> Result<u64, RunError> {
    let mut log = Log::open(path, next)?;
    let info = manifest.info(Path::new(""));
    let moment = manifest
        .created
        .parse()
        .unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    for reason in info
        .reasons
        .iter()
        .filter(|reason| !matches!(reason, Reason::Signal | Reason::Final))
    {
        if !committed.iter().any(|name| name == reason_name(reason)) {
            log.push(
                moment,
                &RowBuilder::checkpoint(
                    info.step,
                    info.epoch,
                    reason,
                    &info.state_hash,
                    info.bytes,
                ),
            )?;
        }
    }
    log.sync()?;
    Ok(log.next())
}
