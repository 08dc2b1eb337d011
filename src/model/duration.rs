//! Durations as files write them: `"90s"`, `"1h30m"`, `"5s..2m"`.

use std::time::Duration;

/// Reads a duration: numbers with the units `d`, `h`, `m`, `s`, `ms`, each at most once and from
/// the largest to the smallest, as in `"1h30m"`. Only the last number may have a decimal point.
///
/// The error is a sentence for a diagnostic.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let invalid = || format!("`{text}` is not a duration such as \"90s\", \"10m\" or \"1h30m\"");
    let mut rest = text;
    let mut total = 0.0_f64;
    let mut smallest_unit = f64::INFINITY;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(invalid)?;
        let (number, after) = rest.split_at(number_len);
        let unit_len = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, tail) = after.split_at(unit_len);
        let seconds = unit_seconds(unit).filter(|s| *s < smallest_unit).ok_or_else(invalid)?;
        let whole_or_last = tail.is_empty() || !number.contains('.');
        let digits_around_point = number.starts_with(|c: char| c.is_ascii_digit()) && !number.ends_with('.');
        if !whole_or_last || !digits_around_point {
            return Err(invalid());
        }
        total += number.parse::<f64>().map_err(|_| invalid())? * seconds;
        smallest_unit = seconds;
        rest = tail;
    }
    if smallest_unit.is_infinite() {
        return Err(invalid());
    }
    if total > LONGEST_SECONDS {
        return Err(format!("`{text}` is longer than a year"));
    }
    // Whole milliseconds, so that "0.1s" and "100ms" are the same.
    Ok(Duration::from_millis((total * 1000.0).round() as u64))
}

const LONGEST_SECONDS: f64 = 366.0 * 86_400.0;

fn unit_seconds(unit: &str) -> Option<f64> {
    match unit {
        "d" => Some(86_400.0),
        "h" => Some(3_600.0),
        "m" => Some(60.0),
        "s" => Some(1.0),
        "ms" => Some(0.001),
        _ => None,
    }
}

/// Reads the waits between attempts: the first and the longest, as in `"5s..2m"`; `"5s"` alone is
/// both.
pub fn parse_backoff(text: &str) -> Result<(Duration, Duration), String> {
    let Some((first, longest)) = text.split_once("..") else {
        return parse_duration(text).map(|d| (d, d));
    };
    let (first, longest) = (parse_duration(first.trim())?, parse_duration(longest.trim())?);
    if first > longest {
        return Err(format!("`{text}` begins with the longer wait"));
    }
    Ok((first, longest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("500ms", 500),
            ("1.5s", 1_500),
            ("1m0.1s", 60_100),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn not_durations() {
        for text in [
            "", "10", "m", "10 m", "-1s", "1m1h", "1s1s", "1.5h1m", "1.s", ".5s", "1..s", "10M", "1w", "1e3s",
            "366000d",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn backoffs() {
        assert_eq!(parse_backoff("5s..2m"), Ok((Duration::from_secs(5), Duration::from_mins(2))));
        assert_eq!(parse_backoff("5s .. 2m"), Ok((Duration::from_secs(5), Duration::from_mins(2))));
        assert_eq!(parse_backoff("5s"), Ok((Duration::from_secs(5), Duration::from_secs(5))));
        for text in ["2m..5s", "..2m", "5s..", "5s...2m", ""] {
            assert!(parse_backoff(text).is_err(), "{text}");
        }
    }
}
