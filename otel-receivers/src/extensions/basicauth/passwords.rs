//! Passwords as `htpasswd` writes them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use otel_core::config::Secret;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hmac};
use sha_crypt::{PasswordVerifier as _, ShaCrypt};
use subtle::ConstantTimeEq as _;

use super::md5_crypt::md5_crypt;

/// Credentials that were found valid and need not be hashed again.
const REMEMBERED: usize = 4096;
/// What none of the kinds of passwords needs; hashing more of them is work that anyone could ask for.
pub(super) const LONGEST: usize = 1024;

const APR1: &str = "$apr1$";
const MD5: &str = "$1$";
const SHA1_LEN: usize = 20;

/// The users of one version of the files.
pub(super) struct Users {
    stored: HashMap<String, Stored>,
    /// What is hashed where there is no such user, so that it takes as long as if there were.
    decoy: Option<Stored>,
    /// A new one each time, so that nobody can tell what is remembered.
    key: hmac::Key,
    verified: Mutex<HashSet<[u8; 32]>>,
}

/// A password, from which it cannot always be told.
#[derive(Clone)]
enum Stored {
    Bcrypt(String),
    Md5 { magic: &'static str, salt: String, hash: String },
    Sha1 { hash: [u8; SHA1_LEN], salt: Vec<u8> },
    ShaCrypt(String),
    Plain(Secret),
}

/// A line that is no user with a password. It is not shown, for it may hold one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub(super) struct BadLine {
    pub(super) line: usize,
    why: &'static str,
}

impl Users {
    /// The users of these lines, of which later ones win, and what makes none.
    pub(super) fn read(texts: &[&str]) -> (Self, Vec<BadLine>) {
        let (mut stored, mut bad) = (HashMap::new(), Vec::new());
        let lines = texts.iter().flat_map(|text| text.lines().enumerate());
        for (at, line) in lines.map(|(at, line)| (at, line.trim())).filter(|(_, line)| !line.is_empty()) {
            let user = line.split_once(':').ok_or("malformed line, no colon");
            match user.and_then(|(user, password)| Ok((user, Stored::parse(password)?))) {
                Ok((user, password)) => {
                    stored.insert(user.to_owned(), password);
                }
                Err(why) => bad.push(BadLine { line: at + 1, why }),
            }
        }
        let decoy = stored.values().max_by_key(|stored| stored.cost()).cloned();
        let mut key = [0; 32];
        // Without random numbers nothing is remembered that way, but what is would be no secret.
        SystemRandom::new().fill(&mut key).expect("the system has random numbers");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        (Self { stored, decoy, key, verified: Mutex::default() }, bad)
    }

    /// Whether these were found valid before.
    pub(super) fn remembers(&self, user: &str, password: &str) -> bool {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        !verified.is_empty() && verified.contains(&self.tag(user, password))
    }

    /// Whether checking takes long enough to do it elsewhere: as long for users that there are as for others.
    pub(super) fn are_slow(&self) -> bool {
        self.decoy.as_ref().is_some_and(|decoy| decoy.cost() > 0)
    }

    /// Whether there is such a user with this password.
    pub(super) fn verify(&self, user: &str, password: &str) -> bool {
        let known = self.stored.get(user);
        let Some(stored) = known.or(self.decoy.as_ref()) else { return false };
        let valid = stored.matches(password) & known.is_some();
        if valid && stored.cost() > 0 {
            let tag = self.tag(user, password);
            let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
            if verified.len() >= REMEMBERED {
                verified.clear();
            }
            verified.insert(tag);
        }
        valid
    }

    fn tag(&self, user: &str, password: &str) -> [u8; 32] {
        // A user has no colon, so that no two of them have the same text.
        let tag = hmac::sign(&self.key, format!("{user}:{password}").as_bytes());
        tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

impl Stored {
    fn parse(text: &str) -> Result<Self, &'static str> {
        for magic in [APR1, MD5] {
            if let Some(rest) = text.strip_prefix(magic) {
                let (salt, hash) = rest.split_once('$').ok_or("malformed md5 password")?;
                return Ok(Self::Md5 { magic, salt: salt.to_owned(), hash: hash.to_owned() });
            }
        }
        if let Some(encoded) = text.strip_prefix("{SHA}") {
            let bytes = STANDARD.decode(encoded).map_err(|_| "malformed sha1 password")?;
            let hash = bytes.try_into().map_err(|_| "malformed sha1 password: wrong length")?;
            return Ok(Self::Sha1 { hash, salt: Vec::new() });
        }
        if let Some(encoded) = text.strip_prefix("{SSHA}") {
            let mut bytes = STANDARD.decode(encoded).map_err(|_| "malformed ssha password")?;
            if bytes.len() < SHA1_LEN {
                return Err("malformed ssha password: wrong length");
            }
            let salt = bytes.split_off(SHA1_LEN);
            let hash = bytes.try_into().map_err(|_| "malformed ssha password: wrong length")?;
            return Ok(Self::Sha1 { hash, salt });
        }
        if ["$2y$", "$2a$", "$2b$", "$2x$"].iter().any(|prefix| text.starts_with(prefix)) {
            return Ok(Self::Bcrypt(text.to_owned()));
        }
        if text.starts_with("$5$") || text.starts_with("$6$") {
            if text.split('$').count() < 4 {
                return Err("malformed crypt-SHA password");
            }
            return Ok(Self::ShaCrypt(with_rounds(text)));
        }
        Ok(Self::Plain(Secret::new(text)))
    }

    /// Roughly how long checking takes; zero for what takes microseconds.
    fn cost(&self) -> u32 {
        match self {
            Self::Plain(_) | Self::Sha1 { .. } => 0,
            Self::Md5 { .. } => 1,
            Self::ShaCrypt(_) => 2,
            // The cost stands behind the prefix: `$2y$10$…`.
            Self::Bcrypt(hash) => 3 + hash.get(4..6).and_then(|cost| cost.parse().ok()).unwrap_or(0),
        }
    }

    fn matches(&self, password: &str) -> bool {
        match self {
            // A hash that is none matches nothing.
            Self::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Self::Md5 { magic, salt, hash } => {
                let given = md5_crypt(password.as_bytes(), salt.as_bytes(), magic.as_bytes());
                given.as_bytes().ct_eq(hash.as_bytes()).into()
            }
            Self::Sha1 { hash, salt } => {
                let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
                context.update(password.as_bytes());
                context.update(salt);
                context.finish().as_ref().ct_eq(hash).into()
            }
            Self::ShaCrypt(hash) => sha_crypt::PasswordHashRef::new(hash)
                .is_ok_and(|hash| ShaCrypt::default().verify_password(password.as_bytes(), hash).is_ok()),
            Self::Plain(stored) => {
                let stored = stored.expose();
                // nginx writes the latter.
                same(password, stored) | same(&format!("{{PLAIN}}{password}"), stored)
            }
        }
    }
}

/// Where the number of rounds is not said, `crypt` means 5000.
fn with_rounds(hash: &str) -> String {
    match hash.get(..3).zip(hash.get(3..)) {
        Some((magic, rest)) if !rest.starts_with("rounds=") => format!("{magic}rounds=5000${rest}"),
        _ => hash.to_owned(),
    }
}

/// Takes as long whatever the length of what is stored.
fn same(given: &str, stored: &str) -> bool {
    let hash = |text: &str| digest::digest(&digest::SHA256, text.as_bytes());
    hash(given).as_ref().ct_eq(hash(stored).as_ref()).into()
}

impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Users").field("count", &self.stored.len()).finish_non_exhaustive()
    }
}
