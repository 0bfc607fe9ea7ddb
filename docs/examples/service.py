"""A web service: POST a photograph, and get a painting.

python docs/examples/service.py [PORT]
curl --data-binary @docs/examples/content.png http://127.0.0.1:8000 -o painting.png
"""

import io
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import neuralstyle as ns

STYLE = ns.load_image("docs/examples/style.png", max_size=64)
one_at_a_time = threading.Lock()  # several would share the cores, and need memory each


class Painter(BaseHTTPRequestHandler):
    """Paints what is posted."""

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        if not 0 <= length < 20_000_000:
            return self.send_error(413)
        photograph = io.BytesIO(self.rfile.read(length))
        try:
            content = ns.load_image(photograph, max_size=64, max_pixels=50_000_000)
        except (ValueError, OSError) as error:
            return self.send_error(400, explain=str(error))
        with one_at_a_time:
            result = ns.stylize(content, STYLE, maxiter=5, callback=lambda now: now.elapsed > 30)
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        result.to_pil().save(self.wfile, "png")


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 8000), Painter)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
