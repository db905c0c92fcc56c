#!/bin/sh
# Makes the logins to Redis that docs/security.md describes: users.acl for Redis, and for each part that logs in a file
# to be read as its environment. Agents are not among them: their tokens are their logins.
# Usage: new-logins.sh FOLDER HOST:PORT (of Redis)
set -eu
umask 077

folder=$1
redis=$2
if [ -e "$folder/users.acl" ]; then
  echo "new-logins.sh: there is a $folder/users.acl already" >&2
  exit 1
fi

password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
hash() { printf %s "$1" | sha256sum | cut -d ' ' -f 1; }

admin=$(password)
hub=$(password)
api=$(password)
keda=$(password)

# The health check of Redis knows no secret and may do nothing else.
cat > "$folder/users.acl" <<ACL
user default off resetchannels -@all
user admin on #$(hash "$admin") ~* &* +@all
user hub on #$(hash "$hub") ~mr:* &mr:* +@all -@admin -@dangerous +info
user api on #$(hash "$api") ~mr:* &mr:* +@all -@admin -@dangerous +info +acl|users +acl|getuser +acl|setuser +acl|deluser
user keda on #$(hash "$keda") %R~mr:* resetchannels -@all +@connection -@admin -@dangerous +xlen
user health on nopass resetchannels -@all +ping
ACL
# Hashes of random passwords are no secrets, and Redis reads them as a user of its own.
chmod 644 "$folder/users.acl"

echo "ROUTER_REDIS_URL=redis://hub:$hub@$redis" > "$folder/hub.env"
echo "ROUTER_REDIS_URL=redis://api:$api@$redis" > "$folder/api.env"
# For redis-cli --user admin.
echo "REDISCLI_AUTH=$admin" > "$folder/admin.env"
printf 'username=keda\npassword=%s\n' "$keda" > "$folder/keda.env"
