//! Times and sizes for people.

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

/// A number of bytes in the unit that fits: `512 bytes`, `1.5 KiB`, `168 MiB`, `4.4 MiB`, `3.0 GiB`.
pub fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let (mut number, mut unit) = (bytes as f64 / 1024.0, 0);
    while number >= 1023.5 && unit + 1 < UNITS.len() {
        (number, unit) = (number / 1024.0, unit + 1);
    }
    let name = UNITS[unit];
    match unit {
        0 | 1 if number >= 9.95 => format!("{number:.0} {name}"),
        0 | 1 => format!("{number:.1} {name}").replace(".0 ", " "),
        _ => format!("{number:.1} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_the_unit_that_fits() {
        let sizes = [0, 1023, 1024, 1536, 100_000, 5 << 20, (4 << 20) + 419_430, 168 << 20, (1 << 30) - 1, 3 << 30];
        let told = sizes.map(size_text);
        let expected = [
            "0 bytes",
            "1023 bytes",
            "1 KiB",
            "1.5 KiB",
            "98 KiB",
            "5 MiB",
            "4.4 MiB",
            "168 MiB",
            "1.0 GiB",
            "3.0 GiB",
        ];
        assert_eq!(told, expected);
    }

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
