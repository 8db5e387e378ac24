-- Changes of Postgres as events: each is written to an outbox in the transaction that makes it, and send-outbox.sh
-- brings the outbox to collect. docs/IMPORTS.md tells the whole. Tried with PostgreSQL 15.

CREATE TABLE IF NOT EXISTS millrace_outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event jsonb NOT NULL
);

-- When it happened, as collect reads times. Not now(): that is when the transaction began.
CREATE OR REPLACE FUNCTION millrace_time() RETURNS text LANGUAGE sql AS $$
  SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
$$;

-- What is known of a customer: one such function, and a trigger, for each table that matters.
CREATE OR REPLACE FUNCTION millrace_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO millrace_outbox (event) VALUES (jsonb_build_object(
    'type', 'identify',
    'userId', NEW.id::text,
    'timestamp', millrace_time(),
    'traits', jsonb_build_object('email', NEW.email, 'plan', NEW.plan)
  ));
  RETURN NEW;
END
$$;

DROP TRIGGER IF EXISTS millrace_customer ON customers;
CREATE TRIGGER millrace_customer AFTER INSERT OR UPDATE ON customers
  FOR EACH ROW EXECUTE FUNCTION millrace_customer();
