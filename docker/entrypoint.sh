#!/bin/sh
# What a container does, by its first argument. Every role replaces this shell, so that
# a stop reaches it directly.
#
#   web, worker, beat, smtp
#                      one role; waits for the database and for its migrations
#   migrate            brings the database up to date and ends
#   run                everything (without REDIS_URL in one process)
#   healthy            ends with 0 if this container's web process answers
#   anything else      a command of manage.py: create_user, list_projects, shell, …
set -eu
cd "${PLUNK_HOME:-/app}"

role=${1:-run}
[ $# -eq 0 ] || shift

case "$role" in
  web | worker | beat | smtp)
    exec python manage.py run --only "$role" "$@"
    ;;
  migrate)
    exec python manage.py prepare "$@"
    ;;
  healthy)
    exec python -c 'import os, urllib.request
port = os.environ.get("PORT", "8000")
urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2).close()'
    ;;
  *)
    exec python manage.py "$role" "$@"
    ;;
esac
