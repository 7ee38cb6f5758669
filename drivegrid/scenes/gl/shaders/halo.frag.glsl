in vec2 spot;
in vec3 tint;

layout(location = 0) out vec4 color;

void main() {
    float near = max(1.0 - length(spot), 0.0);
    color = vec4(tint * (near * near * (0.3 + 0.7 * near * near * near)), 0.0);
}
