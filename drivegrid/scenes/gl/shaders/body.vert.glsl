// Places a vertex in the world as Body.to_world does, and lights it.
in vec3 vertex;
in vec3 normal;
in float rank;
in vec4 look;  // colour, or factor of the tint with 128 for 1; gloss
in vec4 kind;  // tint + 1, lamp, grain, axis of the grain, as shares of 255; of a face: place in its picture
in vec4 pose;  // position, height of the ground
in vec4 form;  // scale, grade
in vec4 tint0; // colour, lamps
in vec4 tint1; // colour, random
in vec4 face;  // left, top, width, height in the atlas
in vec3 marks; // number as a share of 255, cosine and sine of the yaw

uniform float mirror; // 1 draws what wet ground mirrors, else 0

out vec4 lit; // colour; number of the body, or share of light that the air leaves
#ifndef PLAIN
flat out vec2 whole; // for all of it: number; level of the noise
out vec4 spot; // place on the surface; strength of grain or shown face; random or windows
#endif

vec3 sky_towards(vec3 ray) {
    vec3 zenith = air.rgb * mix(vec3(0.8), vec3(0.42, 0.6, 0.9), min(2.0 * sun.w, 1.0));
    vec3 ground = vec3(0.2) * (sun_color.a + sun.w);
    vec3 far = 0.7 * air.rgb * min(2.0 * sun_color.a, 1.0); // what stands at the roadside
    return ray.y > 0.0 ? mix(air.rgb, zenith, sqrt(ray.y)) : mix(far, ground, min(-6.0 * ray.y, 1.0));
}

#ifdef NIGHT
float headlights(vec3 world) {
    float side = world.x / (1.8 + 0.3 * world.z);
    float far = world.z / 16.0;
    float high = max(world.y - 0.9, 0.0) / (0.5 + 0.05 * world.z);
    return exp(-side * side - high * high) / (1.0 + far * far) * step(0.0, world.z);
}
#endif

const float LAYER_M = 0.0015; // details lie one over another by this much, in depth only

void main() {
    vec3 local = vertex * form.xyz;
    float c = marks.y, s = marks.z;
    float ahead = local.z * c - local.x * s;
    vec3 world = pose.xyz + vec3(local.x * c + local.z * s, local.y + form.w * ahead, ahead);
    vec3 bent = normal / form.xyz;
    vec3 n = normalize(vec3(bent.x * c + bent.z * s, bent.y, bent.z * c - bent.x * s));
    float floor_y = pose.w + form.w * ahead;
    float above = world.y - floor_y;

    vec4 codes = floor(kind * 255.0 + 0.5);
    vec3 tint = codes.x > 1.5 ? tint1.rgb : tint0.rgb;
    vec3 base = codes.x > 0.5 ? tint * look.rgb * (255.0 / 128.0) : look.rgb;
    vec3 view = normalize(world - vec3(0.0, eye.x, 0.0));
    float contact = mix(0.5, 1.0, smoothstep(-0.05, 0.7, above + 0.35 * max(n.y, 0.0)));
    vec3 light = sun_color.a * contact * vec3(0.75 + (n.y > 0.0 ? 0.25 : 0.4) * n.y);
    float facing = dot(n, sun.xyz);
#ifdef GRAIN
    facing = codes.w > 2.5 ? 0.3 + 0.7 * facing : facing; // leaves let light through
#endif
    light += sun_color.rgb * sun.w * max(facing, 0.0);
#ifdef NIGHT
#ifdef FACE
    float returned = 2.5; // signs send light back where it came from
#else
    float returned = 0.9 * (0.25 + 0.75 * max(dot(-view, n), 0.0));
#endif
    light += vec3(1.15, 1.1, 1.0) * headlights(world) * returned;
    const float lamplight = 1.0;
#else
    const float lamplight = 0.45;
#endif
    vec3 color = base * light;
    vec3 away = reflect(view, n);
    float edge = 1.0 - max(dot(-view, n), 0.0);
    float shine = look.a * (0.3 + 0.7 * edge * edge * edge);
    color = mix(color, sky_towards(away), shine);
    float glint = max(dot(away, sun.xyz), 0.0);
    for (int i = 0; i < 6; i++) glint *= glint; // to the 64th
    color += sun_color.rgb * (sun.w * look.a * glint);
    float lamp = codes.y > 2.5 ? 1.0 : codes.y > 0.5 ? tint0.a : 0.0;
    vec3 shining = codes.y > 0.5 && codes.y < 1.5 ? vec3(1.6, 1.55, 1.4) : 1.9 * look.rgb;
    color = mix(color, shining, lamp * lamplight);
    float fog = exp(-world.z * air.w);

#ifdef PLAIN
    lit = vec4(mix(air.rgb, color, fog), marks.x);
#else
    lit = vec4(color, fog);
    whole = vec2(marks.x, clamp(log2(world.z / picture.z * GRAINS_A_M) + 0.3, 0.0, 8.0));
    vec2 shift = fract(tint1.a * vec2(7.13, 3.71));
#ifdef FACE
    spot.xy = face.xy + face.zw * kind.zw;
    spot.zw = vec2(step(1e-6, face.z), 0.0);
#else
    vec2 flat_place = codes.w < 0.5 ? local.zy : codes.w < 1.5 ? local.xz : local.xy;
    vec2 round_place = vec2(local.x + local.z, local.y + 0.5 * (local.x - local.z));
    spot.xy = codes.w > 2.5 ? round_place : flat_place;
    spot.zw = vec2(codes.w > 2.5 ? kind.z : -kind.z, tint1.a);
#ifdef FACADE
    spot.z = abs(n.y) < 0.5 ? 1.0 : 0.0;
#endif
#endif
#endif

    float y = mirror > 0.5 ? 2.0 * floor_y - world.y : world.y;
    vec2 ray = vec2(world.x, eye.x - y);
    vec2 turned = vec2(aim.z * ray.x - aim.w * ray.y, aim.w * ray.x + aim.z * ray.y);
    vec2 pixel = turned * picture.zw + aim.xy * world.z;
    gl_Position = vec4(2.0 * pixel / picture.xy - world.z, world.z * (1.0 - 2.0 * eye.y / (world.z - LAYER_M * rank)), world.z);
}
