//! What a client signs to show who it is, by RFC 7523.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::rsa::KeyPair;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};

use super::{OAuth2ClientConfig, SignatureAlgorithm};

/// How long an assertion is good for.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Why there is no assertion. Says nothing of the key.
#[derive(Debug, thiserror::Error)]
pub(super) enum AssertionError {
    #[error("the key is not PEM")]
    Pem,
    #[error("the key is not an RSA key of 2048 bits or more")]
    Key,
    #[error("there are no random numbers")]
    Random,
}

/// An assertion of a client, signed with its key.
pub(super) fn sign(
    config: &OAuth2ClientConfig,
    client_id: &str,
    key: &str,
    now: SystemTime,
) -> Result<String, AssertionError> {
    let key = match PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| AssertionError::Pem)? {
        PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
        _ => return Err(AssertionError::Key),
    };
    let key = key.map_err(|_| AssertionError::Key)?;
    let random = SystemRandom::new();
    let mut header = json!({"alg": config.signature_algorithm.name(), "typ": "JWT"});
    if !config.client_certificate_key_id.is_empty() {
        header["kid"] = config.client_certificate_key_id.as_str().into();
    }
    let claims = Value::Object(claims(config, client_id, now, &random)?);
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    let signed =
        format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let mut signature = vec![0; key.public().modulus_len()];
    let algorithm = encoding(config.signature_algorithm);
    key.sign(algorithm, &random, signed.as_bytes(), &mut signature).map_err(|_| AssertionError::Key)?;
    Ok(format!("{signed}.{}", encode(&signature)))
}

fn claims(
    config: &OAuth2ClientConfig,
    client_id: &str,
    now: SystemTime,
    random: &SystemRandom,
) -> Result<Map<String, Value>, AssertionError> {
    let or = |text: &str, otherwise: &str| if text.is_empty() { otherwise } else { text }.to_owned();
    let mut id = [0; 16];
    random.fill(&mut id).map_err(|_| AssertionError::Random)?;
    let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut claims = Map::from_iter([
        ("iss".to_owned(), or(&config.iss, client_id).into()),
        ("sub".to_owned(), client_id.into()),
        ("jti".to_owned(), URL_SAFE_NO_PAD.encode(id).into()),
        ("aud".to_owned(), or(&config.audience, &config.token_url).into()),
        ("iat".to_owned(), seconds.into()),
        ("exp".to_owned(), (seconds + LIFETIME.as_secs()).into()),
    ]);
    if !config.scopes.is_empty() {
        claims.insert("scope".to_owned(), config.scopes.join(" ").into());
    }
    claims.extend(config.claims.iter().map(|(name, claim)| (name.clone(), claim.0.clone())));
    Ok(claims)
}

fn encoding(algorithm: SignatureAlgorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        SignatureAlgorithm::Rs256 => &RSA_PKCS1_SHA256,
        SignatureAlgorithm::Rs384 => &RSA_PKCS1_SHA384,
        SignatureAlgorithm::Rs512 => &RSA_PKCS1_SHA512,
    }
}
