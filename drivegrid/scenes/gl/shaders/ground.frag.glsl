// Lights the painted ground and leaves sky and backdrop as they are.
layout(binding = 0) uniform sampler2D albedo_plane; // albedo, shade
layout(binding = 1) uniform sampler2D paint_plane;  // premultiplied colour, coverage
layout(binding = 2) uniform sampler2D matter_plane; // rough, wet, ground or not
layout(binding = 3) uniform sampler2D glow_plane;
layout(binding = 4) uniform sampler2D noise;        // grain, patches, wear
layout(binding = 6) uniform sampler2D mirrored;     // mirrored bodies and their coverage

in vec4 seen;

layout(location = 0) out vec4 color;

void main() {
    vec2 at = gl_FragCoord.xy / picture.xy;
    float depth = 1.0 / seen.z;
    vec2 place = vec2((seen.x - seen.w) * depth, depth);

    vec4 albedo = texture(albedo_plane, at);
    vec4 paint = texture(paint_plane, at);
    vec4 matter = texture(matter_plane, at);
    vec3 grains = texture(noise, place * vec2(0.1, 0.025) + grain.xy).rgb - 0.5;

    float speckle = (grains.r + 0.6 * grains.g) * matter.r;
    vec3 base = albedo.rgb * (1.0 + speckle);
    float left = 1.0 - grain.z * clamp(0.5 + 1.6 * grains.b, 0.0, 1.0);
    base = base * (1.0 - paint.a * left) + paint.rgb * left * (1.0 + 0.3 * speckle);

    vec3 light = vec3(sun_color.a) + sun_color.rgb * (sun.w * max(sun.y, 0.0) * albedo.a);
#ifdef NIGHT
    vec3 glow = texture(glow_plane, at).rgb;
    light += 3.0 * glow;
#endif
    vec3 lit = base * light;
#ifdef WET
    // The sky stands mirrored about the horizon; ripples shake it and nearer water is clearer.
    vec2 shake = grains.rg * vec2(0.02, 0.05) / (1.0 + 0.05 * depth);
    vec2 up = vec2(at.x, (2.0 * aim.y - gl_FragCoord.y) / picture.y) + shake;
    vec3 sky = mix(air.rgb, texture(albedo_plane, clamp(up, 0.0, 0.96 * aim.y / picture.y)).rgb, 0.5);
    vec4 body = texture(mirrored, at + shake);
    vec3 mirror = sky * (1.0 - body.a) + body.rgb;
    float grazing = 0.35 + 0.65 * exp(-2.5 * seen.y);
    lit = mix(lit, mirror, matter.g * grazing);
#ifdef NIGHT
    lit += glow * matter.g * 0.5;
#endif
#endif
    color = vec4(mix(albedo.rgb, through_air(lit, depth), matter.b), 1.0);
}
