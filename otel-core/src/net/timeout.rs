//! The `grpc-timeout` header.

use std::time::Duration;

/// Reads a `grpc-timeout` header: at most eight digits and a unit.
pub fn parse_grpc_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Writes a `grpc-timeout` header in the finest unit that holds it in eight digits.
pub fn format_grpc_timeout(timeout: Duration) -> String {
    const MOST: u128 = 99_999_999;
    let seconds = u128::from(timeout.as_secs());
    let units = [
        (timeout.as_nanos(), 'n'),
        (timeout.as_micros(), 'u'),
        (timeout.as_millis(), 'm'),
        (seconds, 'S'),
        (seconds / 60, 'M'),
    ];
    let fitting = units.into_iter().find(|(count, _)| *count <= MOST);
    let (count, unit) = fitting.unwrap_or(((seconds / 3600).min(MOST), 'H'));
    format!("{count}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for timeout in
            [Duration::ZERO, Duration::from_millis(5), Duration::from_secs(5), Duration::from_secs(86_400)]
        {
            assert_eq!(parse_grpc_timeout(&format_grpc_timeout(timeout)), Some(timeout));
        }
        assert_eq!(format_grpc_timeout(Duration::from_secs(5)), "5000000u");
    }

    #[test]
    fn what_is_not_a_timeout_is_nothing() {
        for text in ["", "S", "5", "123456789S", "-1S", "5x", "5µ", "é"] {
            assert_eq!(parse_grpc_timeout(text), None, "{text}");
        }
    }
}
