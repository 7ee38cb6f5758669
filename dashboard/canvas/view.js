// Where the picture lies on the stage: zoom is screen pixels for one image pixel.

const ZOOM_RANGE = [0.05, 40];

class View {
  constructor() {
    this.zoom = 1;
    this.x = 0;
    this.y = 0;
    /** Whether the whole picture is shown; then it follows the size of the stage. */
    this.fitted = true;
  }

  /** @param {XY} stage size in screen pixels @param {XY} size of the picture */
  fit(stage, size) {
    this.zoom = Math.min(stage[0] / size[0], stage[1] / size[1]) || 1;
    this.x = (stage[0] - size[0] * this.zoom) / 2;
    this.y = (stage[1] - size[1] * this.zoom) / 2;
    this.fitted = true;
  }

  /** @param {XY} screen @returns {XY} */
  toImage([x, y]) {
    return [(x - this.x) / this.zoom, (y - this.y) / this.zoom];
  }

  /** @param {XY} image @returns {XY} */
  toScreen([x, y]) {
    return [x * this.zoom + this.x, y * this.zoom + this.y];
  }

  /** Zoom so that the image stays where it is under the screen point. */
  zoomAbout(screen, factor) {
    const [x, y] = this.toImage(screen);
    this.zoom = Math.min(Math.max(this.zoom * factor, ZOOM_RANGE[0]), ZOOM_RANGE[1]);
    this.x = screen[0] - x * this.zoom;
    this.y = screen[1] - y * this.zoom;
    this.fitted = false;
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.fitted = false;
  }
}
