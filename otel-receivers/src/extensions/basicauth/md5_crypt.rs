//! The hash of passwords that FreeBSD's `crypt` began with (`$1$`) and Apache writes (`$apr1$`).

use md5::{Digest as _, Md5};

const ROUNDS: usize = 1000;
const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Which bytes of the digest make each four characters.
const ORDER: [[usize; 3]; 5] = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5]];

/// The 22 characters behind the salt, of which at most 8 characters count. The magic is `$1$` or `$apr1$`.
pub(super) fn md5_crypt(password: &[u8], salt: &[u8], magic: &[u8]) -> String {
    let salt = &salt[..salt.len().min(8)];
    let mixed = digest(&[password, salt, password]);
    let mut first = Md5::new();
    for part in [password, magic, salt] {
        first.update(part);
    }
    for chunk in password.chunks(mixed.len()) {
        first.update(&mixed[..chunk.len()]);
    }
    let mut bits = password.len();
    while bits > 0 {
        first.update(if bits & 1 == 1 { &[0][..] } else { &password[..1] });
        bits >>= 1;
    }
    let mut hash: [u8; 16] = first.finalize().into();
    for round in 0..ROUNDS {
        let (begin, end) = if round % 2 == 1 { (password, &hash[..]) } else { (&hash[..], password) };
        let salt = if round % 3 == 0 { &[][..] } else { salt };
        let again = if round % 7 == 0 { &[][..] } else { password };
        hash = digest(&[begin, salt, again, end]);
    }
    let mut text = String::with_capacity(22);
    for [high, middle, low] in ORDER {
        let value = u32::from(hash[high]) << 16 | u32::from(hash[middle]) << 8 | u32::from(hash[low]);
        push(&mut text, value, 4);
    }
    push(&mut text, u32::from(hash[11]), 2);
    text
}

fn digest(parts: &[&[u8]]) -> [u8; 16] {
    let mut hasher = Md5::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Six bits a character, the lowest first.
fn push(text: &mut String, mut value: u32, characters: usize) {
    for _ in 0..characters {
        text.push(char::from(ALPHABET[value as usize & 63]));
        value >>= 6;
    }
}
