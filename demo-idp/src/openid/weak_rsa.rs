//! An RSA key of 512 bits and signatures by it. aws-lc makes neither, and rightly so: a relying party must refuse them
//! (RFC 7518 §3.3 wants 2048 bits at least). The key opens nothing anywhere.

use aws_lc_rs::digest::{self, digest};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Value, json};

/// Name of the key in a JWKS.
pub(super) const KID: &str = "demo-rsa-512";
const MODULUS: &str = "c08aadbe53a42f0b2318ce7c05ecc25d11ca112a9f6b0e6d900e00a5664012831dcd96b03ff6ff607cee383c0df65079\
                       cbc0771641a9adca73dc9854f03c0f7b";
const PRIVATE_EXPONENT: &str = "82d639d65993f9fbc16fbbf07f3e319d78d72cef1fc169de7dc36620fee88f2aa7c70a9165b193de76c5515a\
                                186537893e12db78773cb6cd5865fa65225db4a1";
/// `DigestInfo` of SHA-256 before the digest (RFC 8017 §9.2, note 1).
const DIGEST_INFO: &str = "3031300d060960864801650304020105000420";

/// Big-endian limbs.
type Number = [u64; 8];

/// The public key.
pub(super) fn jwk() -> Value {
    let modulus = BASE64URL_NOPAD.encode(&bytes(number(&unhex(MODULUS))));
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KID, "n": modulus, "e": "AQAB" })
}

/// RS256 (RFC 8017 §8.2.1).
pub(super) fn sign(message: &[u8]) -> Vec<u8> {
    bytes(power(number(&padded(message)), &unhex(PRIVATE_EXPONENT)))
}

/// EMSA-PKCS1-v1_5 for 64 bytes (RFC 8017 §9.2).
fn padded(message: &[u8]) -> Vec<u8> {
    let hash = digest(&digest::SHA256, message);
    let tail = [unhex(DIGEST_INFO).as_slice(), hash.as_ref()].concat();
    let fill = vec![0xff; 64 - 3 - tail.len()];
    [[0, 1].as_slice(), &fill, &[0], &tail].concat()
}

/// To the power of an exponent, modulo the modulus, in Montgomery's form. Leaky, which does no harm here.
fn power(base: Number, exponent: &[u8]) -> Number {
    let modulus = number(&unhex(MODULUS));
    // 2^512, and with it a number turns into its form: doubled 512 times.
    let form = |number: Number| (0..512).fold(number, |number, _| sum(number, number, modulus));
    let one: Number = [0, 0, 0, 0, 0, 0, 0, 1];
    let (mut result, base) = (form(one), form(base));
    for bit in bits(exponent) {
        result = product(result, result, modulus);
        if bit {
            result = product(result, base, modulus);
        }
    }
    product(result, one, modulus)
}

/// One times the other through 2^512, modulo the modulus. Limbs are taken from the last; after each, what makes the last
/// limb of the total zero is added, and that limb is dropped.
fn product(one: Number, other: Number, modulus: Number) -> Number {
    let inverse = negative_inverse(modulus[7]);
    let (mut total, mut top): (Number, u64) = ([0; 8], 0);
    for limb in one.into_iter().rev() {
        let (sum, over) = add_multiple(total, other, limb);
        let (over, twice) = over.overflowing_add(top);
        let (sum, over_again) = add_multiple(sum, modulus, sum[7].wrapping_mul(inverse));
        let (over, thrice) = over.overflowing_add(over_again);
        total = [over, sum[0], sum[1], sum[2], sum[3], sum[4], sum[5], sum[6]];
        top = u64::from(twice) + u64::from(thrice);
    }
    let (reduced, borrow) = limbs(total, modulus, subtract);
    if top > 0 || !borrow { reduced } else { total }
}

/// Adds a number times a limb; what does not fit is returned beside it.
fn add_multiple(mut total: Number, number: Number, limb: u64) -> (Number, u64) {
    let mut over = 0;
    for (total, number) in total.iter_mut().zip(number).rev() {
        let wide = u128::from(*total) + u128::from(number) * u128::from(limb) + u128::from(over);
        (*total, over) = (wide as u64, (wide >> 64) as u64);
    }
    (total, over)
}

/// What times an odd limb is -1, by Newton's steps, each of which doubles the right bits.
fn negative_inverse(limb: u64) -> u64 {
    let step = |inverse: u64, _| inverse.wrapping_mul(2_u64.wrapping_sub(limb.wrapping_mul(inverse)));
    (0..6).fold(1, step).wrapping_neg()
}

/// Both are below the modulus, so one subtraction is enough; a carry out of the top counts as 2^512.
fn sum(one: Number, other: Number, modulus: Number) -> Number {
    let (total, carry) = limbs(one, other, add);
    let (reduced, borrow) = limbs(total, modulus, subtract);
    if carry || !borrow { reduced } else { total }
}

fn add(one: u64, other: u64, carry: bool) -> (u64, bool) {
    let (total, over) = one.overflowing_add(other);
    let (total, over_again) = total.overflowing_add(u64::from(carry));
    (total, over || over_again)
}

fn subtract(one: u64, other: u64, borrow: bool) -> (u64, bool) {
    let (rest, under) = one.overflowing_sub(other);
    let (rest, under_again) = rest.overflowing_sub(u64::from(borrow));
    (rest, under || under_again)
}

/// Limb by limb from the last one; `each` gets what the limb before left over, and says what it leaves over itself.
fn limbs(one: Number, other: Number, each: fn(u64, u64, bool) -> (u64, bool)) -> (Number, bool) {
    let (mut result, mut left_over) = ([0; 8], false);
    for ((result, one), other) in result.iter_mut().zip(one).zip(other).rev() {
        (*result, left_over) = each(one, other, left_over);
    }
    (result, left_over)
}

fn bits(bytes: &[u8]) -> impl Iterator<Item = bool> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1))
}

fn number(bytes: &[u8]) -> Number {
    let mut number = [0; 8];
    for (limb, chunk) in number.iter_mut().zip(bytes.chunks(8)) {
        *limb = chunk.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    number
}

fn bytes(number: Number) -> Vec<u8> {
    number.iter().flat_map(|limb| limb.to_be_bytes()).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{bytes, number, padded, power, sign};

    #[test]
    fn signs_what_the_public_exponent_opens() {
        for message in [b"one".as_slice(), b"another"] {
            let opened = power(number(&sign(message)), &[1, 0, 1]);
            assert_eq!(bytes(opened), padded(message));
        }
    }
}
