//! Keys of tests, and the tokens that they sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256,
    RSA_PSS_SHA384, RSA_PSS_SHA512,
};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use crate::extensions::testing_web::RSA_KEY;

/// A key that signs tokens.
pub(super) enum Key {
    Rsa(rsa::KeyPair),
    Ec(EcdsaKeyPair, &'static str),
    Ed(Ed25519KeyPair),
}

impl Key {
    pub(super) fn rsa() -> Self {
        let PrivateKeyDer::Pkcs1(der) = PrivateKeyDer::from_pem_slice(RSA_KEY.as_bytes()).unwrap() else {
            panic!("the key of the tests is PKCS #1");
        };
        Self::Rsa(rsa::KeyPair::from_der(der.secret_pkcs1_der()).unwrap())
    }

    pub(super) fn p256() -> Self {
        Self::ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256")
    }

    pub(super) fn p384() -> Self {
        Self::ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384")
    }

    fn ec(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Self {
        let random = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        Self::Ec(EcdsaKeyPair::from_pkcs8(algorithm, der.as_ref(), &random).unwrap(), curve)
    }

    pub(super) fn ed25519() -> Self {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed(Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap())
    }

    /// The public key as RFC 7517 writes it.
    pub(super) fn jwk(&self, id: &str) -> Value {
        match self {
            Self::Rsa(key) => {
                let public = rsa::PublicKeyComponents::<Vec<u8>>::from(key.public());
                json!({"kty": "RSA", "kid": id, "n": encode(&public.n), "e": encode(&public.e)})
            }
            Self::Ec(key, curve) => {
                let (x, y) = key.public_key().as_ref()[1..].split_at(key.public_key().as_ref().len() / 2);
                json!({"kty": "EC", "crv": curve, "kid": id, "x": encode(x), "y": encode(y)})
            }
            Self::Ed(key) => {
                json!({"kty": "OKP", "crv": "Ed25519", "kid": id, "x": encode(key.public_key().as_ref())})
            }
        }
    }

    /// A token.
    pub(super) fn sign(&self, algorithm: &str, id: &str, claims: &Value) -> String {
        self.sign_with(&json!({"alg": algorithm, "kid": id, "typ": "JWT"}), algorithm, claims)
    }

    /// The same with another header.
    pub(super) fn sign_with(&self, header: &Value, algorithm: &str, claims: &Value) -> String {
        let (message, random) = (unsigned(header, claims), SystemRandom::new());
        let signature = match self {
            Self::Rsa(key) => {
                let encoding: &dyn ring::signature::RsaEncoding = match algorithm {
                    "RS256" => &RSA_PKCS1_SHA256,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    other => panic!("{other} is not RSA"),
                };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(encoding, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            Self::Ec(key, _) => key.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", encode(&signature))
    }
}

/// A token that a shared secret signs.
pub(super) fn hs256(secret: &[u8], id: &str, claims: &Value) -> String {
    let message = unsigned(&json!({"alg": "HS256", "kid": id}), claims);
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", encode(signature.as_ref()))
}

/// A token without its signature.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()))
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
