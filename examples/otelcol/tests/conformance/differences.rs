/// An answer that is another one than Go's on purpose.
pub(crate) struct Difference {
    /// Of the case.
    pub(crate) name: &'static str,
    /// The answer here.
    pub(crate) here: &'static str,
}

/// The reasons are in the README of the `otlp` receiver.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference { name: "grpc: a cut message", here: MALFORMED },
    Difference { name: "grpc: half a header", here: MALFORMED },
    Difference { name: "grpc: no message", here: MALFORMED },
    Difference { name: "grpc: two messages", here: MALFORMED },
    Difference { name: "grpc: encoding, gzip", here: PLAIN },
    Difference { name: "grpc: encoding, gzip, a plain message", here: PLAIN },
    Difference { name: "grpc: encoding, snappy", here: PLAIN },
    Difference { name: "grpc: encoding, zstd", here: PLAIN },
    Difference {
        name: "grpc: content type application/grpc;x",
        here: "200\ncontent-type: application/grpc;x\ngrpc-status: 0\n0000000000",
    },
    Difference {
        name: "http: json, more than one value",
        here: "400\ncontent-type: application/json\n{\"code\":3,\"message\":\"…\"}",
    },
];

const MALFORMED: &str = "200\ncontent-type: application/grpc\ngrpc-message: …\ngrpc-status: 13\nnothing";
const PLAIN: &str = "200\ncontent-type: application/grpc\ngrpc-status: 0\n0000000000";
