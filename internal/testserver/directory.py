"""Makes an Active Directory in a folder, with a few people in it, and becomes its server.

Run in a network namespace of its own, because the ports are fixed: directory.py FOLDER PASSWORD CERT KEY CA
What connects to FOLDER.389 and FOLDER.636, which are sockets, is connected to these ports.
"""
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
import threading

import samba.provision
from samba.auth import system_session
from samba.dsdb import UF_ACCOUNTDISABLE, UF_NORMAL_ACCOUNT
from samba.netcmd.main import cmd_sambatool
from samba.param import LoadParm
from samba.samdb import SamDB
import ldb

folder, password, cert, key, ca = sys.argv[1:]

# The namespace begins with its loopback interface down.
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
    SIOCSIFFLAGS, IFF_UP = 0x8914, 1
    fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))

# File permissions of Windows, which need a file system that takes them, are for file servers.
samba.provision.setsysvolacl = lambda *args, **more: None
failed = cmd_sambatool()._run(
    "samba-tool", "domain", "provision", "--realm=AD.EXAMPLE.COM", "--domain=AD", "--adminpass=" + password,
    "--dns-backend=NONE", "--server-role=dc", "--targetdir=" + folder, "--host-ip=127.0.0.1", "--host-name=dc1",
    "--option=log file=" + os.path.join(folder, "log"),
)
if failed:
    sys.exit(failed)

conf = os.path.join(folder, "etc", "smb.conf")
with open(conf) as f:
    text = f.read()
services = [line for line in text.splitlines() if "server services" in line or "log file" in line]
for line in services:
    text = text.replace(line + "\n", "")
text = text.replace("[global]\n", f"""[global]
    server services = ldap, cldap
    ldap server require strong auth = no
    interfaces = lo
    bind interfaces only = yes
    log file = {folder}/log
    pid directory = {folder}
    ncalrpc dir = {folder}/ncalrpc
    ntp signd socket directory = {folder}/ntp
    winbindd socket directory = {folder}/winbindd
    tls certfile = {cert}
    tls keyfile = {key}
    tls cafile = {ca}
""", 1)
with open(conf, "w") as f:
    f.write(text)

lp = LoadParm(conf)
db = SamDB(os.path.join(folder, "private", "sam.ldb"), session_info=system_session(), lp=lp)
base = db.domain_dn()


def change(dn, **attributes):
    m = ldb.Message(ldb.Dn(db, str(dn)))
    for name, value in attributes.items():
        m[name] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, name)
    db.modify(m)


def user(name, **attributes):
    db.newuser(name, password, force_password_change_at_next_login_req=attributes.pop("must_change", False))
    dn = db.search(base, expression=f"(sAMAccountName={name})", attrs=[])[0].dn
    if attributes:
        change(dn, **attributes)
    return dn


change(base, lockoutThreshold="3", lockoutDuration="-18000000000", lockOutObservationWindow="-18000000000")
user("reader")
alice = user("alice", displayName="Alice \u0141", thumbnailPhoto=b"\xff\xd8" + bytes(6000), mail="alice@example.com")
user("disabled", userAccountControl=str(UF_NORMAL_ACCOUNT | UF_ACCOUNTDISABLE))
user("expired", accountExpires="116444736000000000")  # 1970
user("renew", must_change=True)
user("locked")
member = None
for name in ["Smith, J (EU)", "staff"]:
    dn = ldb.Dn(db, "CN=x,CN=Users," + base)
    dn.set_component(0, "CN", name)
    db.add({"dn": dn, "objectClass": "group", "sAMAccountName": name.split(",")[0], "member": str(member or alice)})
    member = dn



def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        target.close()


def relay(port):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}.{port}")
        listener.listen(64)
        while True:
            ours, _ = listener.accept()
            try:
                server = socket.create_connection(("127.0.0.1", port))
            except OSError:
                ours.close()
                continue
            for pair in (ours, server), (server, ours):
                threading.Thread(target=pump, args=pair, daemon=True).start()


if os.fork() == 0:
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    threading.Thread(target=relay, args=(389,)).start()
    relay(636)

os.execv("/usr/sbin/samba", ["samba", "--foreground", "--no-process-group", "--configfile=" + conf])
