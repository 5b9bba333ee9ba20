// The accounts of this identity provider, by `sub`. Names, addresses and groups are what tests look for.

export const people = {
  'person-0001-ada': {
    preferred_username: 'ada',
    name: 'Ada Łukasiewicz',
    email: 'ada@example.org',
    email_verified: true,
    groups: ['staff', 'library/readers'],
  },
  'person-0002-bo': {
    preferred_username: 'bo',
    name: '佐藤 Bo',
    email: 'bo@example.org',
    email_verified: false,
    groups: ['guests'],
  },
  // The least that the protocol knows of a person: a subject.
  'person-0003-cleo': {},
};

// Which claims a scope stands for (OpenID Connect Core 1.0 section 5.4; `groups` is this provider's own).
export const claims = {
  openid: ['sub'],
  profile: ['name', 'preferred_username'],
  email: ['email', 'email_verified'],
  groups: ['groups'],
};

// What the provider asks for a person: https://github.com/panva/node-oidc-provider, `findAccount`.
export function findAccount(_context, sub) {
  const person = people[sub];
  return person && { accountId: sub, claims: () => ({ sub, ...person }) };
}
