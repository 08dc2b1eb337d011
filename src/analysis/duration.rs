//! Times for people.

/// A number of seconds in two units at most: `0.8 s`, `12 s`, `3 min 20 s`, `1 h 5 min`, `2 d 3 h`.
pub fn duration_text(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "unknown".to_owned();
    }
    if seconds < 0.0995 {
        return if seconds < 0.0005 { "0 s".to_owned() } else { format!("{} ms", (seconds * 1000.0).round()) };
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s").replace(".0 s", " s");
    }
    let whole = seconds.round() as u64;
    let (minutes, hours, days) = (whole / 60, whole / 3600, whole / 86_400);
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => two(minutes, "min", whole % 60, "s"),
        3600..86_400 => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        let cases = [
            (0.0, "0 s"),
            (0.0123, "12 ms"),
            (0.8, "0.8 s"),
            (3.0, "3 s"),
            (9.97, "10 s"),
            (59.6, "1 min"),
            (200.0, "3 min 20 s"),
            (3900.0, "1 h 5 min"),
            (183_600.0, "2 d 3 h"),
            (f64::NAN, "unknown"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration_text(seconds), text);
        }
    }
}
