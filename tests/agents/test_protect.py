"""Which writes and prints are refused, and which are not: by tools, by shell texts as people and agents write them, through links."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groma import core
from groma.agents.protect import protected, refusal
from groma.agents.shell import touched

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
cat .env
sudo -u root cat .env
timeout 5 cat .env
env A=1 cat .env
cat .e"n"v ; true
cat '.env'
cat .\env
cat $'.e\x6ev'
grep -n KEY= .env
grep -e KEY .env
sed -n '1,40p' .env
head -n 5 .env | tail -2
cat .env | grep KEY | sort
cat < .env
cat 2>/dev/null .env
cd config && cat .env
cd config || exit 1; cat .env
echo "$(cat .env)"
echo `cat .env`
echo "$(<.env)"
cat <(cat .env)
diff .env .env.example
sh -c 'cat .env'
bash -c "cd x && cat .env"
eval cat .env
eval "cat $(echo .env)"
true $(rm .env)
x=$(rm .env)
echo "`rm .env`"
tee >(cat > .env) < x
bash <<EOF\nrm .env\nEOF
bash <<< "rm .env"
echo 'rm .env' | sh
cat <<EOF\n$(rm .env)\nEOF
find . -name .env -exec cat {} \;
find . -name '*.pem' -delete
find .git -name '*.lock' -exec rm -f {} +
find . -name .git -type d -exec rm -rf {} +
find . -name '*.key' -print0 | xargs -0 rm
find . -maxdepth 2 -name .env | xargs -I {} cat
ls .env | xargs cat
cat $(find . -name .env)
F=.env; echo x >> "$F"
F=.env && rm "${F}"
export F=.env; rm $F
for f in a .env; do rm "$f"; done
for f in .env.local .env; do if test -f $f; then cat $f; fi; done
rm {.env,x}
cat .{env,npmrc}
if ! rm .env; then true; fi
f() { rm .env; }; f
while true; do echo x > .env; done
case x in x) rm .env ;; esac
{ echo x; } > .env
> .env
: > .env
base64 .env
xxd server.key | head
mkdir -p .git/hooks
(cat .env)
cat .env; echo 'unfinished
cat .env && make > log
cat .env; make > log
cat <<EOF | tee .env\nA=1\nEOF
echo x | tee a | tee .env
npm test && echo "A=$A" | sudo tee -a .env >/dev/null
""".strip().split("\n")

ALLOWED = r"""
nice -n 10 make -C x
grep foo .env > out.txt
echo "cp a .env"
git commit -m "write > .env"
cp .env .env.example
sed -i 's/foo/.env/' README.md
sed -n 's/a=.*/b/p' .env
cat > notes.md <<'EOF'\ncp a .env\necho x > .env\nEOF
cat <<-A > x\n\trm .env\n\tA
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
source .env && make
set -a; . ./.env; set +a
export $(grep -v '^#' .env | xargs)
TOKEN=$(cat token.key) ./deploy
curl --key "$(cat x.pem)" https://x
cut -d= -f1 .env
cat .env | cut -d= -f1
sed 's/=.*/=/' .env
grep -q KEY .env && echo yes
grep -c . .env
grep -rl KEY .env src
grep -q '\.env' .gitignore
grep -n ".env" README.md
grep -e .env README.md
rg .env src
test -f .env || exit 1
[[ -f .env ]] && echo there
ls -la .env .ssh
wc -l .env
stat -c %s .env
git diff -- .env
git rm --cached .env
cat .git/HEAD ~/.ssh/config ~/.ssh/known_hosts
cat .env.example .env.sample
cat ".env"".example"
echo "run: rm .env"
echo 'cat .env' > notes.md
printf '%s\n' '.env' '*.pem' >> .gitignore
find . -name '*.py' -not -path './.git/*' -exec sed -i s/a/b/ {} +
find . -path ./.git -prune -o -name '*.md' -print | xargs sed -i s/a/b/
find . ! -name '*.key' -type f -exec chmod 644 {} +
find . -name .env
ls *.pem
openssl x509 -in cert.pem -noout -text
ssh -i id_rsa host
scp -i id_rsa a host:b
tar xzf x.tgz
chmod +x run.sh
rm -rf "$DIR/build" dist/*
echo $((1 > 2))
[[ a > .b ]]
f=$(mktemp); echo x > "$f"
bash <<EOF\necho hello\nEOF
cat .env > /dev/null
make && cat .env > copy.txt
cat <<EOF | sort > x\nrm .env\nEOF
git commit -m "$(cat <<'EOF'\nNever `cat .env` (or $(rm .env))\n\nIt's > .env\nEOF\n)"
gh pr create --title "x" --body "$(cat <<'EOF'\n## Why\n- `echo A=1 > .env`\n\trm .git\nEOF\n)" && git push
cat > README.md <<'EOF'\n$(rm .env) `cat .env`\nEOF
python - <<'EOF'\nimport os\nopen("x", "w").write("cat .env > .env")\nEOF
echo "$(wc -l < .env)"
jq .env config.json
docker run -e A="$(cat x.key)" y
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
    assert refusal("Bash", {"command": "cat settings"}, str(tmp_path))
    assert refusal("Bash", {"command": "cat inside/HEAD"}, str(tmp_path)) is None


@pytest.mark.parametrize("given", [None, 3, [], {}, {"file_path": 3}, {"file_path": ""}, {"command": None}])
def test_strange_input_is_allowed(given: object) -> None:
    assert refusal("Write", given, "/x") is None and refusal("Bash", given, "/x") is None and refusal(None, given, "/x") is None


@given(st.text(alphabet="ab.env >|&;<'\"\\\n$(){}[]*?~,`#-EOF/ 12é\udcff", max_size=60))
def test_no_command_is_too_strange(command: str) -> None:
    list(touched(command, "/x"))


STRANGE = ["$(" * 2000, "(" * 5000, "{a,b}" * 40, "bash -c " * 2000, "`" * 999, "x" * 200_000, 'sh -c "' * 50, "<<a " * 999]


@pytest.mark.parametrize("command", STRANGE)
def test_no_command_is_too_deep(command: str) -> None:
    assert len(list(touched(command, "/x"))) < 10_000


def test_globs_mean_the_files_that_are_there(tmp_path: Path) -> None:
    for command in ("cat .en*", "rm .e?v", "cd d && cat .en[uv]", "tail -n 3 d/.en*", "for f in .en*; do cat $f; done", "rm -f d/*"):
        assert refusal("Bash", {"command": command}, str(tmp_path)) is None, command
    (tmp_path / "d").mkdir()
    for name in (".env", "d/.env", "d/server.key", "d/with [brackets].txt"):
        (tmp_path / name).touch()
    for command in ("cat .en*", "rm .e?v", "cd d && cat .en[uv]", "tail -n 3 d/.en*", "for f in .en*; do cat $f; done", "rm -f d/*"):
        assert refusal("Bash", {"command": command}, str(tmp_path)), command
    for command in ("cat '.en*'", 'rm ".e?v"', r"cat .en\*", "rm *", "cat d/*.txt", "cat d/with*"):
        assert refusal("Bash", {"command": command}, str(tmp_path)) is None, command


@pytest.mark.parametrize("tool", ["Read", "Grep"])
def test_tools_that_print(tool: str, tmp_path: Path) -> None:
    (tmp_path / "settings").symlink_to(".env")
    for path in (".env", "deploy/server.pem", "settings"):
        why = refusal(tool, {"file_path": path}, str(tmp_path))
        assert why and "do not print it" in why
        assert refusal(tool, {"path": path}, str(tmp_path)), path
    for path in (".env.example", ".git/HEAD", "~/.ssh/config", ".", "src"):
        assert refusal(tool, {"file_path": path, "path": path}, str(tmp_path)) is None, path


def test_what_the_core_takes_for_secrets_is_protected() -> None:
    names = (
        "id_rsa id_dsa .netrc _netrc .pgpass .htpasswd .npmrc .pypirc .git-credentials credentials.json .envrc .env .env.x .ENV .env-local "
        ".env.example "
        "a.pem a.key a.p12 a.pfx a.jks a.keystore a.kdbx a.tfstate a.tfstate.backup service_account.json service-account-x.json private.asc x.asc "
        ".docker/config.json .aws/credentials .kube/config config.json env.py .environment keys.py README.md .env.sample .env.prod.template"
    )
    for name in names.split():
        assert (protected(f"/w/{name}") is not None) == core.secrets_file(name), name
