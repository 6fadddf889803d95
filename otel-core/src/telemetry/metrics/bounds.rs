//! Upper bounds of what histograms tell apart, as the Go collector has them.

/// Where nothing says otherwise: those of the OpenTelemetry SDKs.
pub const DEFAULT: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10_000.0];

/// For the number of items in a request.
pub const ITEMS: [f64; 22] = [
    10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2000.0, 3000.0, 4000.0, 5000.0, 6000.0,
    7000.0, 8000.0, 9000.0, 10_000.0, 20_000.0, 30_000.0, 50_000.0, 100_000.0,
];

/// For the length of a request in bytes: the powers of two from 128 bytes to 16 MiB.
pub const BYTES: [f64; 18] = {
    let mut powers = [128.0; 18];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 2.0;
        at += 1;
    }
    powers
};

#[cfg(test)]
mod tests {
    #[test]
    fn bytes_end_at_16_mib() {
        assert_eq!(super::BYTES.last(), Some(&f64::from(16 << 20)));
    }
}
