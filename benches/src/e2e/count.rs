use super::Signal;

/// Bytes that are no OTLP export request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed export request")]
pub struct Malformed;

/// Counts the spans, log records or data points of an export request.
///
/// It looks at the headers of the messages down to the items and skips what is in them, which costs some nanoseconds
/// an item. It shares no code with the collector, so that a mistake there is not made here too.
pub fn count_items(signal: Signal, request: &[u8]) -> Result<u64, Malformed> {
    const RESOURCE_GROUPS: u64 = 1;
    const SCOPE_GROUPS: u64 = 2;
    const ITEMS: u64 = 2;

    let mut items = 0;
    for resource in Messages::new(request, RESOURCE_GROUPS) {
        for scope in Messages::new(resource?, SCOPE_GROUPS) {
            for item in Messages::new(scope?, ITEMS) {
                let item = item?;
                items += if signal == Signal::Metrics { count_points(item)? } else { 1 };
            }
        }
    }
    Ok(items)
}

/// The data points of a metric, of whichever kind it is.
fn count_points(metric: &[u8]) -> Result<u64, Malformed> {
    const GAUGE: u64 = 5;
    const SUM: u64 = 7;
    const HISTOGRAM: u64 = 9;
    const EXPONENTIAL_HISTOGRAM: u64 = 10;
    const SUMMARY: u64 = 11;
    const DATA_POINTS: u64 = 1;

    let mut points = 0;
    let mut fields = Fields { rest: metric };
    while let Some((number, payload)) = fields.next()? {
        if let (GAUGE | SUM | HISTOGRAM | EXPONENTIAL_HISTOGRAM | SUMMARY, Some(data)) = (number, payload) {
            for point in Messages::new(data, DATA_POINTS) {
                point?;
                points += 1;
            }
        }
    }
    Ok(points)
}

/// The occurrences of one length-delimited field of a message.
struct Messages<'a> {
    fields: Fields<'a>,
    number: u64,
}

impl<'a> Messages<'a> {
    const fn new(message: &'a [u8], number: u64) -> Self {
        Self { fields: Fields { rest: message }, number }
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<&'a [u8], Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.fields.next() {
                Ok(Some((number, Some(payload)))) if number == self.number => return Some(Ok(payload)),
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(malformed) => {
                    self.fields.rest = &[];
                    return Some(Err(malformed));
                }
            }
        }
    }
}

/// A field's number, and its payload if it is length-delimited.
type Field<'a> = (u64, Option<&'a [u8]>);

/// The fields of a message.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn next(&mut self) -> Result<Option<Field<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let payload = match tag & 7 {
            0 => {
                self.varint()?;
                None
            }
            1 => {
                self.take(8)?;
                None
            }
            2 => {
                let length = self.varint()?;
                Some(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                None
            }
            _ => return Err(Malformed),
        };
        Ok(Some((tag >> 3, payload)))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Malformed)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2e::Requests;

    #[test]
    fn counts_the_items_of_every_signal() {
        for signal in Signal::ALL {
            let requests = Requests::random(signal, 37, 2, 1);
            for request in requests.messages() {
                assert_eq!(count_items(signal, request), Ok(37), "{signal}");
            }
        }
    }

    #[test]
    fn refuses_a_request_that_ends_too_early() {
        let requests = Requests::random(Signal::Traces, 3, 1, 1);
        let request = &requests.messages()[0];
        assert_eq!(count_items(Signal::Traces, &request[..request.len() - 1]), Err(Malformed));
        assert_eq!(count_items(Signal::Traces, b"\x0f garbage"), Err(Malformed));
    }

    #[test]
    fn an_empty_request_has_no_items() {
        assert_eq!(count_items(Signal::Logs, b""), Ok(0));
    }
}
