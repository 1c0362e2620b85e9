-- Schema 2: the instant of the site's clock that a batch was asked for, the same for all meters of a
-- sweep. Empty where no slot was meant, and in all that was kept before.
ALTER TABLE batch ADD COLUMN slot INTEGER;
