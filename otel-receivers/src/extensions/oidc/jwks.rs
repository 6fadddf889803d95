//! The public keys of an issuer, as RFC 7517 writes them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
    VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::Value;

use super::token::{Algorithm, Token};

/// The most keys of an issuer that are kept.
const MAX_KEYS: usize = 100;

/// The keys of an issuer.
#[derive(Debug)]
pub(super) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// What it may be used for; nothing for all that it can.
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// What keys say of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// One of them has signed it.
    Signed,
    /// It does not name one of them, or names one for something else.
    Unknown,
    /// The one that it names has not signed it.
    Forged,
}

// === impl Keys ===

impl Keys {
    /// Reads a set of keys. What is no public key that can be used here is left out.
    pub(super) fn read(json: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }

        let set: Set = serde_json::from_slice(json).map_err(|_| "failed to parse JWKS".to_owned())?;
        let keys = set.keys.into_iter().filter_map(|key| Key::read(serde_json::from_value(key).ok()?));
        Ok(Self(keys.take(MAX_KEYS).collect()))
    }

    /// The same for a set that has to have keys.
    pub(super) fn read_some(json: &str) -> Result<Self, String> {
        let keys = Self::read(json.as_bytes())?;
        if keys.0.is_empty() {
            let message =
                "file contains no supported keys (supported types are RSA, ECDSA, and ED25519)".to_owned();
            return Err(message);
        }
        Ok(keys)
    }

    /// Whether the key that a token names has signed it, or any of them where it names none.
    pub(super) fn verify(&self, token: &Token<'_>) -> Verdict {
        self.verify_with(token, |key| token.key_id.is_none() || key.id == token.key_id)
    }

    /// Whether any of them has signed a token, whatever it says.
    pub(super) fn verify_with_any(&self, token: &Token<'_>) -> Verdict {
        self.verify_with(token, |_| true)
    }

    fn verify_with(&self, token: &Token<'_>, may: impl Fn(&Key) -> bool) -> Verdict {
        let mut verdict = Verdict::Unknown;
        for key in self.0.iter().filter(|key| may(key)) {
            match key.verify(token) {
                Some(true) => return Verdict::Signed,
                Some(false) => verdict = Verdict::Forged,
                None => {}
            }
        }
        verdict
    }
}

// === impl Key ===

/// A key as it is written.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Key {
    fn read(jwk: Jwk) -> Option<Self> {
        if jwk.purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        // A key for something that is not known here is not for what is.
        let algorithm = match jwk.alg.as_deref() {
            None | Some("") => None,
            Some(name) => Some(Algorithm::of(name)?),
        };
        let number = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let coordinate = |text, len: usize| number(text).filter(|bytes| bytes.len() == len);
        let point =
            |len| Some([vec![4], coordinate(jwk.x.clone(), len)?, coordinate(jwk.y.clone(), len)?].concat());
        let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => Material::Rsa { n: unpadded(&number(jwk.n)?), e: unpadded(&number(jwk.e)?) },
            ("EC", Some("P-256")) => Material::P256(point(32)?),
            ("EC", Some("P-384")) => Material::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(coordinate(jwk.x, 32)?),
            _ => return None,
        };
        Some(Self { id: jwk.kid.filter(|id| !id.is_empty()), algorithm, material })
    }

    /// Whether the key has signed a token; nothing where it is no key for the token's algorithm.
    fn verify(&self, token: &Token<'_>) -> Option<bool> {
        if self.algorithm.is_some_and(|algorithm| algorithm != token.algorithm) {
            return None;
        }
        let (message, signature) = (token.signed.as_bytes(), token.signature.as_slice());
        let unparsed = |algorithm: &'static dyn VerificationAlgorithm, point: &[u8]| {
            UnparsedPublicKey::new(algorithm, point).verify(message, signature).is_ok()
        };
        let rsa = |parameters| match &self.material {
            Material::Rsa { n, e } => {
                Some(RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok())
            }
            _ => None,
        };
        match (token.algorithm, &self.material) {
            (Algorithm::Rs256, _) => rsa(&RSA_PKCS1_2048_8192_SHA256),
            (Algorithm::Rs384, _) => rsa(&RSA_PKCS1_2048_8192_SHA384),
            (Algorithm::Rs512, _) => rsa(&RSA_PKCS1_2048_8192_SHA512),
            (Algorithm::Ps256, _) => rsa(&RSA_PSS_2048_8192_SHA256),
            (Algorithm::Ps384, _) => rsa(&RSA_PSS_2048_8192_SHA384),
            (Algorithm::Ps512, _) => rsa(&RSA_PSS_2048_8192_SHA512),
            (Algorithm::Es256, Material::P256(point)) => Some(unparsed(&ECDSA_P256_SHA256_FIXED, point)),
            (Algorithm::Es384, Material::P384(point)) => Some(unparsed(&ECDSA_P384_SHA384_FIXED, point)),
            (Algorithm::EdDsa, Material::Ed25519(point)) => Some(unparsed(&ED25519, point)),
            _ => None,
        }
    }
}

/// A number without leading zeros.
fn unpadded(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number[zeros..].to_vec()
}
