#!/bin/bash
# Brings millrace_outbox (outbox.sql) to collect and deletes what is safe there. Ended or killed at any moment it
# loses nothing: what it sent and could not delete is sent again, with the same message ids. Run one at a time.
#
# psql finds the database by PGHOST, PGUSER, PGDATABASE and the like; COLLECT is collect's URL, WRITE_KEY_FILE names
# the file of the write key. The key goes to curl by its configuration, since everybody sees a command's arguments.
set -u -o pipefail
collect=${COLLECT:?the URL of collect, such as http://127.0.0.1:8081}
key=$(cat "${WRITE_KEY_FILE:?the file that holds the write key}") || exit 1
most=${OUTBOX_BATCH:-500}

# The oldest rows, a line of two columns: their events as JSON with ids, and the numbers of the rows.
next="SELECT jsonb_agg(event || jsonb_build_object('messageId', 'postgres:' || id) ORDER BY id),
             string_agg(id::text, ',')
      FROM (SELECT id, event FROM millrace_outbox ORDER BY id LIMIT $most) AS oldest"

while true; do
  if ! row=$(psql -qAtX -F $'\t' -v ON_ERROR_STOP=1 -c "$next"); then sleep "${OUTBOX_RETRY:-5}"; continue; fi
  events=${row%%$'\t'*}
  ids=${row##*$'\t'}
  if [ -z "$events" ]; then sleep "${OUTBOX_SLEEP:-1}"; continue; fi

  # 422: none of them is an event; they lie on events.rejected, which is safe too.
  status=$(printf '{"events":%s}' "$events" | curl -sS -o /dev/null -w '%{http_code}' --max-time 30 \
    -K <(printf 'header = "Authorization: Bearer %s"\n' "$key") --data-binary @- "$collect/v1/events")
  case $status in
    200 | 422) psql -qAtX -v ON_ERROR_STOP=1 -c "DELETE FROM millrace_outbox WHERE id IN ($ids)" || sleep "${OUTBOX_RETRY:-5}" ;;
    413) most=$(((most + 1) / 2)); next=${next/LIMIT */LIMIT $most) AS oldest} ;;
    *) echo "collect answered $status; trying again" >&2; sleep "${OUTBOX_RETRY:-5}" ;;
  esac
done
