# What people read, in English, the language that is complete.
# An argument inside a sentence is isolated by the program; do not add marks around it.

### The frame of every page

product = Vestibule
page-title = { $title } · { product }
home-link = { product }, start page

### Sign-in

sign-in-title = Sign in
sign-in-lede = Choose an account that you already have.
sign-in-with = Sign in with { $provider }
sign-in-all-the-same = Try { $provider } all the same
sign-in-providers = Ways to sign in
sign-in-closed = New accounts are not being opened here at the moment. If you already have one, come in as usual.
sign-in-promise = Your password stays with the provider you choose. You never type it here.
notice-signed-out = You are signed out.
notice-session-ended = Your session has ended. Please sign in again.
notice-sign-in-first = Please sign in to continue.
unavailable-misconfigured = Not set up correctly yet. The administrator finds the reason in the server’s log.
unavailable-unreachable = Cannot be reached at the moment. Please try again in a little while.
unavailable-rate-limited = Takes no more sign-ins at the moment. Please wait a little, then try again.
unavailable-failing = Out of order at the moment. The administrator finds the reason in the server’s log.
no-providers-title = No way in yet
no-providers-what = This server runs, but no provider is set up that people could sign in with.
no-providers-operator = If you run this server, add a provider to its configuration and start it again:
no-providers-visitor = If you do not, please tell the person who does.

### Account

account-title = Your account
account-username = Username
account-user-id = User id
account-identities = { $count ->
    [one] You sign in with
   *[other] You can sign in with
}
account-no-identities = No provider is linked to this account.
account-sign-out = Sign out
account-primary = Primary
account-primary-hint = Your name and picture come from here.
identity-login = Handle
identity-name = Name
identity-email = E-mail
identity-since = Linked
identity-synced = Last checked
email-verified-yes = verified
email-verified-no = not verified
email-verified-unknown = verification unknown

### Dates, always in UTC

date-day = { $day } { date-month } { $year }
date-minute = { $day } { date-month } { $year }, { $clock } UTC
date-month = { $month ->
    [1] January
    [2] February
    [3] March
    [4] April
    [5] May
    [6] June
    [7] July
    [8] August
    [9] September
    [10] October
    [11] November
   *[12] December
}

### Pages whose form sends itself

send-again-title = One moment
send-again-what = Your sign-in is being finished.
send-again-button = Continue
send-to-provider-title = One moment
send-to-provider-what = You are being taken to { $provider }.
send-to-provider-button = Continue to { $provider }
send-by-hand = If nothing happens, press the button.
