"""A web service: POST a photograph, and get a painting, with the settings inside the PNG.

python docs/examples/service.py [PORT]
curl --data-binary @docs/examples/content.png http://127.0.0.1:8000 -o painting.png
"""

import dataclasses
import io
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import neuralstyle as ns

HERE = Path(__file__).parent
SIZE, SECONDS = 128, 30
STYLE = ns.load_image(HERE / "style.png", max_size=SIZE)
one_at_a_time = threading.Lock()  # several would share the cores, and need memory each


def paint(photograph):
    """Return a picture of the photograph's proportions, and why it is complete or is not."""
    content = ns.load_image(photograph, max_size=SIZE, max_pixels=50_000_000)
    with one_at_a_time:
        result = ns.stylize(content, STYLE, maxiter=20, callback=lambda now: now.elapsed > SECONDS)
    if result.image.shape != content.shape:  # halted at a coarser scale
        larger = ns.resize(result.image, content.shape[:2])
        result = dataclasses.replace(result, image=larger)  # the message says its scale
    file = io.BytesIO()
    result.save(file, format="png")
    return file.getvalue(), result.message


class Painter(BaseHTTPRequestHandler):
    """Paints what is posted."""

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            return self.send_error(400, explain="Content-Length: expected the number of bytes")
        if int(length) >= 20_000_000:
            return self.send_error(413)
        try:
            painting, message = paint(io.BytesIO(self.rfile.read(int(length))))
        except (ValueError, OSError) as error:  # no picture, or one of a few pixels
            return self.send_error(400, explain=str(error))
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.send_header("X-Message", message)
        self.end_headers()
        self.wfile.write(painting)


paint(HERE / "content.png")  # loads and compiles; other proportions take that once more
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 8000), Painter)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
