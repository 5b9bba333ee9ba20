### Error pages: for each kind a title, what happened, and what to do.
### `$provider` is the provider's label, or `error-provider-unnamed` where there is none.

error-provider-unnamed = the provider
error-provider-said = { $provider } says:
error-provider-said-unnamed = The provider says:
error-try-again = Try again
error-start-again = Start again
error-to-sign-in = Go to sign-in
error-home = Back to the start
error-wait-seconds = { $count ->
    [one] It should work again in one second.
   *[other] It should work again in { $count } seconds.
}
error-wait-minutes = { $count ->
    [one] It should work again in one minute.
   *[other] It should work again in { $count } minutes.
}
error-wait-hours = { $count ->
    [one] It should work again in one hour.
   *[other] It should work again in { $count } hours.
}
error-id = If you need help, give your administrator this id:

error-denied-by-person-title = Sign-in cancelled
error-denied-by-person-what = You, or { $provider } on your behalf, said no to this sign-in. Nothing was stored.
error-denied-by-person-do = If that was not what you wanted, try again and agree when you are asked.

error-refused-by-policy-title = This account cannot come in
error-refused-by-policy-what = Your account at { $provider } is not among those that may sign in here.
error-refused-by-policy-do = Try another account, or ask your administrator for access.

error-signup-closed-title = No new accounts at the moment
error-signup-closed-what = You are who you say you are, but nobody here has signed in with this account at { $provider } before, and new accounts are not being opened.
error-signup-closed-do = If you already have an account here, sign in the way you did before. Otherwise ask your administrator.

error-code-expired-title = That took too long
error-code-expired-what = The confirmation from { $provider } is no longer valid. It is good for a short time only, and only once.
error-code-expired-do = Please start again.

error-attempt-gone-title = This sign-in is over
error-attempt-gone-what = It has been used already, or it was begun too long ago or in another browser. The “back” button and a reloaded page lead here, too.
error-attempt-gone-do = Please start again. If somebody sent you a link that led here, do not use it.

error-state-invalid-title = This sign-in does not fit
error-state-invalid-what = The answer that arrived does not belong to a sign-in that was begun here. For your safety it was not used.
error-state-invalid-do = Please start again from the sign-in page. If somebody sent you a link that led here, do not use it.

error-other-browser-title = Begun in another browser
error-other-browser-what = This sign-in was begun in another browser or a private window, or this browser does not keep cookies. For your safety it was not used.
error-other-browser-do = Allow cookies for this site, and start again in this browser.

error-bad-callback-title = The answer could not be read
error-bad-callback-what = What came back from { $provider } is not complete, so that nobody could be signed in.
error-bad-callback-do = Please start again.

error-bad-request-title = The request could not be read
error-bad-request-what = Your browser sent something that this page does not understand.
error-bad-request-do = Go back to the start and try again.

error-provider-unavailable-title = Not available right now
error-provider-unavailable-what = Signing in with { $provider } is out of order at the moment. The other ways in still work.
error-provider-unavailable-do = Try again in a little while, or sign in another way.

error-provider-unreachable-title = No answer
error-provider-unreachable-what = This server cannot reach { $provider } at the moment. You did nothing wrong.
error-provider-unreachable-do = Try again in a little while, or sign in another way.

error-provider-rate-limited-title = Too busy right now
error-provider-rate-limited-what = There were many requests, and { $provider } takes no more for a while. You did nothing wrong.
error-provider-rate-limited-do = Wait a little, then try again.

error-provider-bad-answer-title = An answer that makes no sense
error-provider-bad-answer-what = Something came back from { $provider } that cannot be right, so that nobody was signed in.
error-provider-bad-answer-do = Try again. If it happens again, tell your administrator.

error-provider-failed-title = Signing in failed
error-provider-failed-what = The part of this server that talks to { $provider } failed. Nothing was stored.
error-provider-failed-do = Try again. If it happens again, tell your administrator.

error-provider-misconfigured-title = Not set up correctly
error-provider-misconfigured-what = This server and { $provider } do not agree on how to talk to each other. You did nothing wrong, and trying again will not help.
error-provider-misconfigured-do = Tell your administrator, who finds the reason in the server’s log. Until then, sign in another way.

error-settings-changed-title = The settings changed meanwhile
error-settings-changed-what = While you were signing in, the settings for { $provider } were changed here.
error-settings-changed-do = Please start again.

error-provider-turned-off-title = This way in is closed
error-provider-turned-off-what = Signing in with { $provider } is not offered here, or was turned off.
error-provider-turned-off-do = Choose another way to sign in.

error-provider-turned-off-meanwhile-title = This way in was closed
error-provider-turned-off-meanwhile-what = { $provider } sign-in was turned off while you were signing in.
error-provider-turned-off-meanwhile-do = Choose another way to sign in.

error-too-many-attempts-title = Too many attempts
error-too-many-attempts-what = Many sign-ins were begun from your network in a short time.
error-too-many-attempts-do = Wait a little, then try again.

error-not-found-title = Nothing here
error-not-found-what = There is no page at this address.
error-not-found-do = Check the address, or go back to the start.

error-method-not-allowed-title = Not this way
error-method-not-allowed-what = This page is there, but cannot be used like this. Perhaps an address of a form was opened by itself.
error-method-not-allowed-do = Go back to the start and try again.

error-payload-too-large-title = Too much at once
error-payload-too-large-what = What was sent is larger than this server accepts.
error-payload-too-large-do = Please start again. If it happens again, tell your administrator.

error-cross-site-title = This came from another site
error-cross-site-what = Another site tried to do something here in your name, or your browser hides where a form comes from. For your safety nothing was done.
error-cross-site-do = Start from the sign-in page of this site.

error-service-unavailable-title = Back in a moment
error-service-unavailable-what = This server cannot do its work at the moment. You did nothing wrong.
error-service-unavailable-do = Try again in a little while.

error-internal-title = Something broke
error-internal-what = A fault in this server stopped your request. You did nothing wrong.
error-internal-do = Try again. If it happens again, tell your administrator.
