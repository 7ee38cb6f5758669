// A sprite of glare around a lamp.
in vec4 place;  // centre in clip space x, y, depth; radius as share of the picture's width
in vec3 tone;

out vec2 spot;
out vec3 tint;

void main() {
    spot = vec2(gl_VertexID % 2, gl_VertexID / 2) * 2.0 - 1.0;
    tint = tone;
    vec2 radius = 2.0 * place.w * vec2(1.0, picture.x / picture.y);
    gl_Position = vec4(place.xy + spot * radius, place.z, 1.0);
}
