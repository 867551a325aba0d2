#!/usr/bin/env bash
# Make an image that stands in for docker.io/library/python:3.11-slim-bookworm where none can be pulled, and print its
# digest: Debian bookworm with its own Python 3.11 under the paths of the real one, and pip, setuptools and wheel, as there.
set -euo pipefail
name=$1
root=$(mktemp -d)/root
trap 'rm -rf "$(dirname "$root")"' EXIT

debootstrap --variant=minbase \
  --include=python3.11,ca-certificates,python3-pip-whl,python3-setuptools-whl,python3-wheel-whl \
  bookworm "$root" >&2
rm "$root"/usr/lib/python3.11/EXTERNALLY-MANAGED
ln -s /usr/bin/python3.11 "$root"/usr/local/bin/python
ln -s /usr/bin/python3.11 "$root"/usr/local/bin/python3
pip=$(cd "$root" && ls usr/share/python-wheels/pip-*.whl)
env --unset=PIP_FIND_LINKS chroot "$root" \
  python "/$pip/pip" install --quiet --root-user-action=ignore --no-index --find-links /usr/share/python-wheels pip setuptools wheel >&2
rm -rf "$root"/usr/share/python-wheels "$root"/var/cache/apt "$root"/var/lib/apt/lists
# How this machine reaches its package index holds for builds on it too.
cp /etc/ssl/certs/ca-certificates.crt "$root"/etc/ssl/certs/ca-certificates.crt
if [ -e /etc/pip.conf ]; then cp /etc/pip.conf "$root"/etc/pip.conf; fi

container=$(buildah from scratch)
buildah add --quiet "$container" "$root" / >&2
buildah config --env PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
buildah commit --quiet --format docker --rm "$container" "$name" >&2
buildah images --format '{{.Digest}}' "$name"
