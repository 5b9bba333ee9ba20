-- Where the provider's requests and secrets may go, as an operator has accepted it: JSON. NULL in a row from before this
-- column, and in one that an older host made: the next start accepts what the provider declares.
ALTER TABLE providers ADD COLUMN accepted TEXT;
