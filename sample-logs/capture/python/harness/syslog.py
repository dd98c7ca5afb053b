"""Write syslog datagrams to a file as rsyslog does: without the priority. syslog.py PORT FILE"""
import re
import socket
import sys

source = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
source.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
source.bind(("127.0.0.1", int(sys.argv[1])))
with open(sys.argv[2], "a", buffering=1) as sink:
    while True:
        sink.write(re.sub(r"^<\d+>", "", source.recv(65536).decode(errors="replace").rstrip("\n")) + "\n")
