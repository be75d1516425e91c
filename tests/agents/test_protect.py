"""Which writes are refused, and which are not: by tools, by plain shell commands, through links."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groma import core
from groma.agents.protect import protected, refusal, written

REFUSED = r"""
echo A=1 > .env
echo A=1 >> .env.production
cat x | tee -a config/.env
cp .env.example .env
cp secrets/.env ./
mv .env /tmp/x
rm -rf .git
rm .git/index.lock
sed -i 's/a/b/' .env
sed -i -e s/a/b/ src/../.env
sed -i.bak s/a/b/ .env
perl -pi -e 's/a/b/' .env
cd .git && echo x > config
cat > .git/hooks/pre-commit <<'EOF'\nhello\nEOF
bash -c "echo x > .env"
bash -lc 'x=1; echo $x > .env' ; true
sudo tee /home/u/.ssh/authorized_keys
sudo -u root rm .env
timeout -k 1 5 rm .env
nice -n 10 env -i A=1 /bin/rm -f .env
dd if=/dev/zero of=server.key
curl -o id_rsa https://x
wget --output-document=.env https://x
echo x 2> .env
echo x &> .env
echo x >| .env
A=1 B=2 cp a "$HOME/.aws/credentials"
true; if true; then touch .env; fi
ln -sf /tmp/x .env
truncate -s 0 .env
cp a b -t .git/
cp --target-directory=.ssh a
echo hi >'.env'
printf x >.env
echo a | xargs rm .env
eval "rm .env"
install -m 600 a id_ed25519
echo x > .GIT/config
echo x > \.env
echo x > "$DIR/.env"
rm .env*
(cd x; echo y > .env)
cat <<A > .env\nx\nA
echo one \\\n > .env
""".strip().split("\n")

ALLOWED = r"""
cat .env
sudo -u root cat .env
timeout 5 cat .env
nice -n 10 make -C x
grep foo .env > out.txt
echo "cp a .env"
git commit -m "write > .env"
cp .env .env.example
sed -i 's/foo/.env/' README.md
sed -n 's/a/b/p' .env
cat > notes.md <<'EOF'\ncp a .env\necho x > .env\nEOF
cat <<-A <<B > x\n\trm .env\n\tA\nrm .env\nB
echo x > .gitignore
echo x > .github/workflows/a.yml
git config user.name x
ls -la .git
echo x 2>&1
echo environment > .environment
echo .env >> .gitignore
make > /dev/null 2>&1
# rm .env
true # rm .env
python -c "print('> .env')"
rm -rf build
diff .env .env.example
source .env && make
tar czf x.tgz .env
docker run --env-file .env x > log
for f in *.py; do wc -l $f; done | sort > counts
git log > log.txt; cat .git/HEAD
echo 'unfinished
echo "unfinished
cat <<EOF
""".strip().split("\n")


def said(command: str) -> dict[str, str]:
    return {"command": command.replace("\\n", "\n")}


@pytest.mark.parametrize("command", REFUSED)
def test_refused(command: str, tmp_path: Path) -> None:
    why = refusal("Bash", said(command), str(tmp_path))
    assert why is not None and why.startswith("groma protects ") and "Ask the user" in why


@pytest.mark.parametrize("command", ALLOWED)
def test_allowed(command: str, tmp_path: Path) -> None:
    assert refusal("Bash", said(command), str(tmp_path)) is None


@pytest.mark.parametrize("tool", ["Write", "Edit", "MultiEdit", "NotebookEdit", "SomethingNew"])
def test_tools_that_write(tool: str, tmp_path: Path) -> None:
    for path in (".env", "a/.env.local", "deploy/server.pem", "~/.ssh/config", ".git/config", str(tmp_path / ".git" / "HEAD"), "x/../.env"):
        assert refusal(tool, {"file_path": path}, str(tmp_path)), path
        assert refusal(tool, {"notebook_path": path}, str(tmp_path)), path
    for path in (".env.example", "src/env.py", ".gitignore", "keys.py", "git/x", "a.key.md"):
        assert refusal(tool, {"file_path": path}, str(tmp_path)) is None, path


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1")
    (tmp_path / "settings").symlink_to(".env")
    (tmp_path / "inside").symlink_to(".git")
    assert refusal("Write", {"file_path": "settings"}, str(tmp_path))
    assert refusal("Bash", {"command": "echo x > inside/config"}, str(tmp_path))
    (tmp_path / "d").mkdir()
    assert refusal("Bash", {"command": "cp other/.env d"}, str(tmp_path))


@pytest.mark.parametrize("given", [None, 3, [], {}, {"file_path": 3}, {"file_path": ""}, {"command": None}])
def test_strange_input_is_allowed(given: object) -> None:
    assert refusal("Write", given, "/x") is None and refusal("Bash", given, "/x") is None and refusal(None, given, "/x") is None


@given(st.text(alphabet="ab.env >|&;<'\"\\\n$()`#-EOF/ 12", max_size=60))
def test_no_command_is_too_strange(command: str) -> None:
    list(written(command, "/x"))


def test_what_the_core_takes_for_secrets_is_protected() -> None:
    names = (
        "id_rsa id_dsa .netrc _netrc .pgpass .htpasswd .npmrc .pypirc .git-credentials credentials.json .envrc .env .env.x .ENV .env-local "
        ".env.example "
        "a.pem a.key a.p12 a.pfx a.jks a.keystore a.kdbx a.tfstate a.tfstate.backup service_account.json service-account-x.json private.asc x.asc "
        ".docker/config.json .aws/credentials .kube/config config.json env.py .environment keys.py README.md .env.sample .env.prod.template"
    )
    for name in names.split():
        assert (protected(f"/w/{name}") is not None) == core.secrets_file(name), name
