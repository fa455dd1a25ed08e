//! Numbers as text: exact ones for machines, short ones for people.

use crate::number;

/// The shortest decimal that reads back as the same number; `NaN`, `Infinity` and `-Infinity` as in
/// `metrics.jsonl`.
#[must_use]
pub fn exact(value: f64) -> String {
    if let Some(name) = number::name(value) {
        return name.into();
    }
    // Whole numbers without `.0`; very large and very small ones with an exponent.
    let size = value.abs();
    if size != 0.0 && !(1e-5..1e16).contains(&size) {
        format!("{value:e}")
    } else {
        format!("{value}")
    }
}

/// At most four significant digits, whole digits never rounded away below a million: `0.1234`,
/// `12.35`, `123457`, `1.5e-7`.
#[must_use]
pub fn short(value: f64) -> String {
    if let Some(name) = number::name(value) {
        return name.into();
    }
    if value == 0.0 {
        return "0".into();
    }
    let scientific = format!("{value:.3e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent @ -4..=3) => trimmed(&format!("{value:.*}", (3 - exponent) as usize)).into(),
        Ok(4..=6) => format!("{value:.0}"),
        _ => format!("{}e{exponent}", trimmed(mantissa)),
    }
}

/// Seconds as a person says them: `420ms`, `4.2s`, `1m 03s`, `2h 05m`, `3d 04h`.
#[must_use]
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".into();
    }
    if seconds < 0.9995 {
        return format!("{:.0}ms", seconds * 1e3);
    }
    if seconds < 59.95 {
        return format!("{seconds:.1}s");
    }
    let whole = seconds.round() as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    match (days, hours) {
        (0, 0) => format!("{minutes}m {:02}s", whole % 60),
        (0, _) => format!("{hours}h {:02}m", minutes % 60),
        _ => format!("{days}d {:02}h", hours % 24),
    }
}

/// Bytes in decimal units: `812 B`, `1.2 MB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    let mut size = count as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 999.95 {
            return match unit {
                "B" => format!("{count} B"),
                _ => format!("{size:.1} {unit}"),
            };
        }
        size /= 1e3;
    }
    format!("{size:.1} TB")
}

/// A time stamp without fractions of seconds: `2026-11-22T09:40:11Z`.
#[must_use]
pub fn moment(stamp: &str) -> String {
    match stamp.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => stamp.into(),
    }
}

/// Without the zeros (and the point) that say nothing after a decimal point.
fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_numbers_read_back() {
        for value in [
            0.1,
            1.0 / 3.0,
            5e-324,
            1.797e308,
            -0.0,
            1e15,
            123456789.125,
            1e-7,
        ] {
            assert_eq!(exact(value).parse().map(f64::to_bits), Ok(value.to_bits()));
        }
        assert_eq!(exact(20.0), "20");
        assert_eq!(exact(1e-7), "1e-7");
        assert_eq!(exact(f64::NEG_INFINITY), "-Infinity");
    }

    #[test]
    fn short_numbers_have_four_digits() {
        let shown: Vec<String> = [
            0.02, 0.123449, 12.3456, 999.96, 9999.9, 123456.7, 2.5e7, 1.5e-7, 0.00012346, -1.5,
        ]
        .into_iter()
        .map(short)
        .collect();
        insta::assert_snapshot!(shown.join(" "), @"0.02 0.1234 12.35 1000 10000 123457 2.5e7 1.5e-7 0.0001235 -1.5");
    }

    #[test]
    fn durations_and_sizes() {
        let spans = [
            0.0, 0.0421, 0.9996, 4.25, 59.96, 63.0, 3599.6, 7500.0, 273_600.0,
        ]
        .map(duration);
        insta::assert_snapshot!(spans.join(" | "), @"0ms | 42ms | 1.0s | 4.2s | 1m 00s | 1m 03s | 1h 00m | 2h 05m | 3d 04h");
        let sizes = [0, 812, 999_949, 999_950, 1_234_567, 5_000_000_000_000].map(bytes);
        insta::assert_snapshot!(sizes.join(" | "), @"0 B | 812 B | 999.9 kB | 1.0 MB | 1.2 MB | 5.0 TB");
    }
}
