// Gives a lit surface its grain, windows or sign face.
layout(binding = 4) uniform sampler2D noise;
layout(binding = 7) uniform sampler2D atlas;

in vec4 lit;
#ifndef PLAIN
flat in vec2 whole; // number; level of the noise
in vec4 spot;
#endif

out vec4 color;


void main() {
#ifdef PLAIN
    color = lit;
#else
    vec3 shown = lit.rgb;
#ifdef FACE
    shown *= mix(vec3(1.0), texture(atlas, spot.xy).rgb, spot.z);
#else
    int level = int(whole.y);
    ivec2 texel = ivec2(floor((spot.xy + 6.0 * spot.w) * GRAINS_A_M)) & 511;
    vec2 grains = 2.0 * texelFetch(noise, texel >> level, level).rg - 1.0;
#endif
#ifdef GRAIN
    shown *= max(1.0 + (spot.z > 0.0 ? grains.x : grains.y) * abs(spot.z), 0.2);
#endif
#ifdef FACADE
    shown *= 1.0 + 0.3 * grains.y;
    vec2 cell = spot.xy / vec2(2.4 + spot.w, 3.0);
    vec2 wide = fwidth(cell);
    vec2 inside = clamp((vec2(0.26, 0.27) - abs(fract(cell) - vec2(0.5, 0.58))) / wide + 0.5, 0.0, 1.0);
    float window = spot.z * mix(inside.x * inside.y, 0.28, clamp(1.6 * max(wide.x, wide.y) - 0.6, 0.0, 1.0));
    float chance = fract(sin(dot(floor(cell), vec2(12.99, 78.23)) + 40.0 * spot.w) * 43758.5);
    vec3 day = (0.10 + 0.25 * chance * chance) * (air.rgb * 0.8 + 0.1) * (0.4 + sun_color.a);
    vec3 lamp = chance > 0.72 ? vec3(0.95, 0.75, 0.45) * (0.3 + 0.9 * fract(chance * 37.0)) : vec3(0.015);
    shown = mix(shown, mix(day, lamp, eye.z), window);
#endif
    color = vec4(mix(air.rgb, shown, lit.a), whole.x);
#endif
}
