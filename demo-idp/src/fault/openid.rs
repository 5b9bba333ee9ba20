//! The table of faults that only an OpenID provider can have: name, where it can be set, what happens. Knows no bytes.

use Endpoint::{Authorize, Discovery, Jwks, Token, UserInfo};

use super::Endpoint;

const METADATA: &[Endpoint] = &[Discovery];
const KEYS: &[Endpoint] = &[Jwks];
const CALLBACK: &[Endpoint] = &[Authorize];
const PKCE: &[Endpoint] = &[Authorize, Token];
const TOKEN: &[Endpoint] = &[Token];
const CLAIMS: &[Endpoint] = &[Token, UserInfo];
const USERINFO: &[Endpoint] = &[UserInfo];

faults! {
    /// Something that only an OpenID provider can get wrong, by name; [`crate::DemoIdp::set_fault`] takes it as it is. At
    /// `token` it is the ID token that goes wrong, signed by a key that is published where nothing else is said.
    pub enum OpenIdFault;

    MetadataWrongIssuer, "metadata-wrong-issuer", METADATA, "`issuer` is https://issuer.example";
    MetadataIssuerSlash, "metadata-issuer-slash", METADATA, "`issuer` has one slash more at its end, or one less";
    MetadataNoIssuer, "metadata-no-issuer", METADATA, "there is no `issuer`";
    MetadataNoAuthorize, "metadata-no-authorize", METADATA, "there is no `authorization_endpoint`";
    MetadataNoToken, "metadata-no-token", METADATA, "there is no `token_endpoint`";
    MetadataNoJwks, "metadata-no-jwks", METADATA, "there is no `jwks_uri`";
    MetadataNoUserinfo, "metadata-no-userinfo", METADATA, "there is no `userinfo_endpoint`";
    MetadataNoAlgorithms, "metadata-no-algorithms", METADATA, "there is no `id_token_signing_alg_values_supported`";
    MetadataOnlyNone, "metadata-only-none", METADATA, "the one algorithm listed is `none`";
    MetadataOnlyHs256, "metadata-only-hs256", METADATA, "the one algorithm listed is HS256";
    MetadataNumbers, "metadata-numbers", METADATA, "the endpoints are numbers";
    MetadataNoUrls, "metadata-no-urls", METADATA, "the endpoints are text that is no URL";
    MetadataPlainHttp, "metadata-plain-http", METADATA, "the endpoints are at http://issuer.example";
    MetadataElsewhere, "metadata-elsewhere", METADATA, "the endpoints are on another origin: `localhost` instead of `127.0.0.1`";
    MetadataTokenElsewhere, "metadata-token-elsewhere", METADATA, "`token_endpoint` alone is on that other origin, as if it were an honest server's";
    MetadataJwksElsewhere, "metadata-jwks-elsewhere", METADATA, "`jwks_uri` alone is on that other origin";
    MetadataPrivateAddress, "metadata-private-address", METADATA, "`jwks_uri` and `token_endpoint` are at http://169.254.169.254";
    MetadataCredentials, "metadata-credentials", METADATA, "the endpoints hold a user and a password";

    KeysEmpty, "keys-empty", KEYS, "`keys` is an empty list";
    KeysMissing, "keys-missing", KEYS, "there is no `keys`";
    KeysNoList, "keys-no-list", KEYS, "`keys` is an object";
    KeysForEncryption, "keys-for-encryption", KEYS, "every key has `use` of `enc`";
    KeysForOtherOperations, "keys-for-other-operations", KEYS, "every key has `key_ops` of `encrypt`, and no `use`";
    KeysOtherAlgorithm, "keys-other-algorithm", KEYS, "every key has an `alg` that is not its token's";
    KeysOfStranger, "keys-of-stranger", KEYS, "other keys stand under the right ids";
    KeysDuplicateKid, "keys-duplicate-kid", KEYS, "another key stands under the same id before each right one";
    KeysSymmetric, "keys-symmetric", KEYS, "an `oct` key stands under the right id, and no other";
    KeysUnknownType, "keys-unknown-type", KEYS, "keys of unknown types stand beside the right ones";
    KeysMalformedBeside, "keys-malformed-beside", KEYS, "keys that cannot be read stand beside the right ones";
    KeysNamingTrap, "keys-naming-trap", KEYS, "every key has an `x5u`, which nobody may fetch";
    KeysTenThousand, "keys-ten-thousand", KEYS, "10,000 other keys stand before the right ones";

    CallbackServerError, "callback-server-error", CALLBACK, "`error=server_error`, and no code";
    CallbackUnavailable, "callback-unavailable", CALLBACK, "`error=temporarily_unavailable`, and no code";
    CallbackErrorBesideCode, "callback-error-beside-code", CALLBACK, "`error=access_denied` and a code";
    CallbackScript, "callback-script", CALLBACK, "`error_description` is a script, `error_uri` a `javascript:` URL";
    CodeUsed, "code-used", CALLBACK, "the code was used before";
    CodeForeign, "code-foreign", CALLBACK, "the code is another client's";
    PkceRefused, "pkce-refused", PKCE, "`invalid_request`: no code challenge, or no code verifier, is wanted";

    TokenTypeMissing, "token-type-missing", TOKEN, "there is no `token_type`";
    TokenTypeMac, "token-type-mac", TOKEN, "`token_type` is `mac`";
    IdTokenMissing, "id-token-missing", TOKEN, "there is no `id_token`";
    IdTokenNull, "id-token-null", TOKEN, "`id_token` is null";
    IdTokenEmpty, "id-token-empty", TOKEN, "`id_token` is the empty text";
    IdTokenNumber, "id-token-number", TOKEN, "`id_token` is a number";
    IdTokenGarbage, "id-token-garbage", TOKEN, "`id_token` is text that is no token";
    IdTokenFourParts, "id-token-four-parts", TOKEN, "the ID token has a fourth part";
    IdTokenEncrypted, "id-token-encrypted", TOKEN, "the ID token has the five parts of an encrypted one";
    IdTokenPadded, "id-token-padded", TOKEN, "the parts are in Base64 with padding";
    IdTokenOtherClient, "id-token-other-client", TOKEN, "a right ID token of another client, with its nonce";
    IdTokenOtherIssuer, "id-token-other-issuer", TOKEN, "an ID token of another issuer, by that one's key, for the same client and nonce";
    IdTokenOtherUser, "id-token-other-user", TOKEN, "an ID token about somebody else than the access token";
    AccessTokenAsIdToken, "access-token-as-id-token", TOKEN, "a signed access token (RFC 9068) for the same client";
    IssWrong, "iss-wrong", TOKEN, "`iss` is https://issuer.example";
    IssMissing, "iss-missing", TOKEN, "there is no `iss`";
    IssSlash, "iss-slash", TOKEN, "`iss` has one slash more at its end, or one less";
    IssList, "iss-list", TOKEN, "`iss` is a list with the right one in it";
    AudWrong, "aud-wrong", TOKEN, "`aud` is another client";
    AudMissing, "aud-missing", TOKEN, "there is no `aud`";
    AudStrangerBeside, "aud-stranger-beside", TOKEN, "`aud` lists another client too";
    AudListOfOne, "aud-list-of-one", TOKEN, "`aud` is a list with the right one in it, which is right";
    AudEmptyList, "aud-empty-list", TOKEN, "`aud` is an empty list";
    AudNumber, "aud-number", TOKEN, "`aud` is a number";
    AzpForeign, "azp-foreign", TOKEN, "`azp` is another client";
    NonceMissing, "nonce-missing", TOKEN, "there is no `nonce`";
    NonceWrong, "nonce-wrong", TOKEN, "`nonce` is another";
    SignatureFlipped, "signature-flipped", TOKEN, "one bit of the signature is flipped";
    SignatureMissing, "signature-missing", TOKEN, "the signature is empty, whatever `alg` says";
    SignatureShort, "signature-short", TOKEN, "the signature lacks its last byte";
    SignatureOfStranger, "signature-of-stranger", TOKEN, "another key signed, under the right `kid`";
    AlgNone, "alg-none", TOKEN, "`alg` is `none`, and there is no signature";
    AlgNoneMixedCase, "alg-none-mixed-case", TOKEN, "`alg` is `nOnE`, and there is no signature";
    AlgMissing, "alg-missing", TOKEN, "there is no `alg`";
    AlgHs256Pem, "alg-hs256-pem", TOKEN, "HS256 with the public key's PEM as the secret";
    AlgHs256Jwk, "alg-hs256-jwk", TOKEN, "HS256 with the public key's JSON as the secret";
    AlgHs256Secret, "alg-hs256-secret", TOKEN, "HS256 with the client secret";
    AlgUnlisted, "alg-unlisted", TOKEN, "RS512 by a key that is published, while the metadata does not list it";
    AlgOtherFamily, "alg-other-family", TOKEN, "`alg` is ES256 for an RSA key, or the reverse";
    KidUnknown, "kid-unknown", TOKEN, "`kid` names no published key";
    KidRandom, "kid-random", TOKEN, "`kid` names no published key, and is another in each token";
    KidNumber, "kid-number", TOKEN, "`kid` is a number";
    KidMissing, "kid-missing", TOKEN, "there is no `kid`, and one key is published, which is right";
    KidMissingSeveral, "kid-missing-several", TOKEN, "there is no `kid`, and two keys of the family are published";
    RotatedBefore, "rotated-before", TOKEN, "new keys are published just before signing, and the old ones are gone, which is right";
    RotatedAfter, "rotated-after", TOKEN, "new keys are published just after signing, and the old ones are gone";
    Rsa512, "rsa-512", TOKEN, "an RSA key of 512 bits signed, which is published beside the right ones";
    HeaderJku, "header-jku", TOKEN, "a stranger signed, whose keys are where `jku` says";
    HeaderJkuBeside, "header-jku-beside", TOKEN, "a right ID token with a `jku`, which nobody may fetch";
    HeaderJwk, "header-jwk", TOKEN, "a stranger signed, whose key is in the header as `jwk`";
    HeaderX5u, "header-x5u", TOKEN, "a stranger signed, whose certificate is where `x5u` says";
    HeaderCrit, "header-crit", TOKEN, "`crit` names an extension that nobody knows (RFC 7515 §4.1.11)";
    HeaderTyp, "header-typ", TOKEN, "`typ` is `at+jwt`, as for access tokens (RFC 9068)";
    Expired, "expired", TOKEN, "`exp` was an hour ago, `iat` before that";
    ExpMissing, "exp-missing", TOKEN, "there is no `exp`";
    ExpText, "exp-text", TOKEN, "`exp` is text";
    ExpOverflow, "exp-overflow", TOKEN, "`exp` is 1e400";
    NbfFuture, "nbf-future", TOKEN, "`nbf` is in an hour";
    IatMissing, "iat-missing", TOKEN, "there is no `iat`";
    IatFuture, "iat-future", TOKEN, "`iat` is in an hour, `exp` after that";
    IatAncient, "iat-ancient", TOKEN, "`iat` was a year ago, `exp` is still to come";
    AtHashWrong, "at-hash-wrong", TOKEN, "`at_hash` is another token's";
    PayloadNotJson, "payload-not-json", TOKEN, "the signed payload is no JSON";
    PayloadList, "payload-list", TOKEN, "the signed payload is a list with the claims in it";
    PayloadNotUtf8, "payload-not-utf8", TOKEN, "the signed payload holds the bytes FF FE in a claim";
    PayloadDeep, "payload-deep", TOKEN, "the signed payload holds 100,000 nested lists in a claim";
    PayloadDuplicateSub, "payload-duplicate-sub", TOKEN, "the signed payload has `sub` twice, first somebody else's";

    SubMissing, "sub-missing", CLAIMS, "there is no `sub`";
    SubEmpty, "sub-empty", CLAIMS, "`sub` is the empty text";
    SubNumber, "sub-number", CLAIMS, "`sub` is a number";
    SubNull, "sub-null", CLAIMS, "`sub` is null";
    SubLong, "sub-long", CLAIMS, "`sub` is 256 bytes long, one more than allowed";
    SubWithNul, "sub-with-nul", CLAIMS, "`sub` holds U+0000";
    SubOther, "sub-other", CLAIMS, "`sub` is another account's";
    EmailVerifiedText, "email-verified-text", CLAIMS, "`email_verified` is the text \"true\"";
    EmailVerifiedOne, "email-verified-one", CLAIMS, "`email_verified` is 1";
    EmailVerifiedMissing, "email-verified-missing", CLAIMS, "there is no `email_verified`";
    EmailNumber, "email-number", CLAIMS, "`email` is a number";
    EmailTwoAts, "email-two-ats", CLAIMS, "`email` is a@evil.example@example.org";
    GroupsMissing, "groups-missing", CLAIMS, "there are no groups";
    GroupsText, "groups-text", CLAIMS, "the groups are one text instead of a list";
    GroupsMixed, "groups-mixed", CLAIMS, "the groups are a list of a number, null, an object and a list";

    UserinfoSigned, "userinfo-signed", USERINFO, "the claims come as a signed token, `application/jwt`";
    UserinfoList, "userinfo-list", USERINFO, "the claims come in a list";
    UserinfoDenied, "userinfo-denied", USERINFO, "401, as for a token that nobody knows";
}

impl OpenIdFault {
    /// Every one, in the order of the list that `demo-idp --list-faults` prints.
    pub const ALL: &'static [OpenIdFault] = OpenIdFault::OWN;
}
