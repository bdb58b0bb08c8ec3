/* Google's authorities for the virtual TPMs of Compute Engine (pki.goog/cloud_integrity): they certify endorsement and attestation keys
 * alike. A configuration adds others as anchors; roots_test.c pins these by digest. */
#include "issuer/verifier/tpm/roots.h"

#include <assert.h>
#include <pthread.h>

/* clang-format off */
#define GCP_EK_AK_CA_ROOT \
        "-----BEGIN CERTIFICATE-----\n" \
        "MIIGATCCA+mgAwIBAgIUAKZdpPnjKPOANcOnPU9yQyvfFdwwDQYJKoZIhvcNAQELBQAwfjELMAkGA1UEBhMCVVMxEzARBgNVBAgT" \
        "CkNhbGlmb3JuaWExFjAUBgNVBAcTDU1vdW50YWluIFZpZXcxEzARBgNVBAoTCkdvb2dsZSBMTEMxFTATBgNVBAsTDEdvb2dsZSBD" \
        "bG91ZDEWMBQGA1UEAxMNRUsvQUsgQ0EgUm9vdDAgFw0yMjA3MDgwMDQwMzRaGA8yMTIyMDcwODA1NTcyM1owfjELMAkGA1UEBhMC" \
        "VVMxEzARBgNVBAgTCkNhbGlmb3JuaWExFjAUBgNVBAcTDU1vdW50YWluIFZpZXcxEzARBgNVBAoTCkdvb2dsZSBMTEMxFTATBgNV" \
        "BAsTDEdvb2dsZSBDbG91ZDEWMBQGA1UEAxMNRUsvQUsgQ0EgUm9vdDCCAiIwDQYJKoZIhvcNAQEBBQADggIPADCCAgoCggIBAJ0l" \
        "9VCoyJZLSol8KyhNpbS7pBnuicE6ptrdtxAWIR2TnLxSgxNFiR7drtofxI0ruceoCIpsa9NHIKrz3sM/N/E8mFNHiJAuyVf3pPpm" \
        "DpLJZQ1qe8yHkpGSs3Kj3s5YYWtEecCVfzNs4MtKvGfA+WKB49A6Noi8R9R1GonLIN6wSXX3kP1ibRn0NGgdqgfgRe5HC3kKAhjZ" \
        "6scT8Eb1SGlaByGzE5WoGTnNbyifkyx9oUZxXVJsqv2q611W3apbPxcgev8z5JXQUbrrQ7EbO0StK1DsKRsKLuD+YLxjrBRQ4UeI" \
        "N5WHp6G0vgYiOptHm6YKZxQemO/kVMLRzsm1AYH7eNOFekcBIKRjSqpk5m4ud04qum6f0hBj3iE/Pe+DvIbVhLh9ItAunISGQPA9" \
        "dYEgfA/qWir+pU7LV3phpLeGhull8G/zYmQhF3heg0buIR70aavzT8iLAQrxVMNRZJEGMwIN/tq8YiT3+3EZIcSqq6GAGjiuVw3N" \
        "IsXC3+CuSJGQ5GbDp49Lc6VWPHeWeFvwSUGgxKXq5r1+PRsoYgK6S4hhecgXEX5c7Rta6TcFlEFb0XK9fpy1dr89LeFGxUBpdDvK" \
        "xDRLMm3FQen8rmR/PSReEcJsaqbUP/q7Pc7k0RfF9Mb6AfPZfnqgpYJQ+IFSr9EjRSW1wPcL03zoTP47AgMBAAGjdTBzMA4GA1Ud" \
        "DwEB/wQEAwIBBjAQBgNVHSUECTAHBgVngQUIATAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBRJ50pbVin1nXm3pjA8A7KP5xTd" \
        "TDAfBgNVHSMEGDAWgBRJ50pbVin1nXm3pjA8A7KP5xTdTDANBgkqhkiG9w0BAQsFAAOCAgEAlfHRvOB3CJoLTl1YG/AvjGoZkpNM" \
        "yp5X5je1ICCQ68b296En9hIUlcYY/+nuEPSPUjDA3izwJ8DAfV4REgpQzqoh6XhR3TgyfHXjJ6DC7puzEgtzF1+wHShUpBoe3HKu" \
        "L4WhB3rvwk2SEsudBu92o9BuBjcDJ/GW5GRtpD/H71HAE8rI9jJ41nS0FvkkjaX0glsntMVUXiwcta8GI0QOE2ijsJBwk41uQGt0" \
        "YOj2SGlEwNAC5DBTB5kZ7+6X9xGE6/c+M3TAA0ONoX18rNfif94cCx/mPYOs8pUkANRAQ4aTRBvpBrryGT8R1ahTBkMeRQG3tdsL" \
        "HRT8fJCFUANd5WLWsi83005y/WuMz8/gFKc0PL+F+MubCsJ1ODPTRscH93QlS4zEMg5hDAIks+fDoRJ2QiROqo7GAqbTc7STKfGc" \
        "r9+pa63na7f3oy1sZPWPdxB8tx5z3lghiPP3ktQx/yK/1Fwf1hgxJHFy/2UcaGuOXRRRTPyEnppZp82Kigs9aPHWtaVm2/LrXX2f" \
        "vT9iM/k0CovNAj8rztHxsUEoA0xJnSOJNPpe9PRdjsTj7/u3Xu6hQLNNidBHgI3Hcmi704HMMd/3yZ424OOrS32ylpeU1oeQHFrL" \
        "E6hYX4/ttMETbmESIKd2rTgstPotSvkuB5TljbKYPR+lq7hQav16U4E=" \
        "\n-----END CERTIFICATE-----\n"
#define TPM_EK_ROOT_1 \
        "-----BEGIN CERTIFICATE-----\n" \
        "MIIGfzCCBGegAwIBAgIQbw4ksY2+TlOMT5bDqCZawTANBgkqhkiG9w0BAQsFADCBvjELMAkGA1UEBhMCVVMxEzARBgNVBAgTCkNh" \
        "bGlmb3JuaWExFjAUBgNVBAcTDU1vdW50YWluIFZpZXcxEzARBgNVBAoTCkdvb2dsZSBMTEMxDjAMBgNVBAsTBUNsb3VkMV0wWwYD" \
        "VQQDDFR0cG1fZWtfdjFfY2xvdWRfaG9zdF9yb290LXNpZ25lci0wLTIwMTgtMDQtMDZUMTA6NTg6MjYtMDc6MDAgSzoxLCAxOlB3" \
        "MDAzSHNGWU80OjA6MTgwIBcNMTgwNDA2MTc1ODI2WhgPMjExODA0MDYxODU4MjZaMIG+MQswCQYDVQQGEwJVUzETMBEGA1UECBMK" \
        "Q2FsaWZvcm5pYTEWMBQGA1UEBxMNTW91bnRhaW4gVmlldzETMBEGA1UEChMKR29vZ2xlIExMQzEOMAwGA1UECxMFQ2xvdWQxXTBb" \
        "BgNVBAMMVHRwbV9la192MV9jbG91ZF9ob3N0X3Jvb3Qtc2lnbmVyLTAtMjAxOC0wNC0wNlQxMDo1ODoyNi0wNzowMCBLOjEsIDE6" \
        "UHcwMDNIc0ZZTzQ6MDoxODCCAiIwDQYJKoZIhvcNAQEBBQADggIPADCCAgoCggIBAPvCO6TuV/jpJ4auYVo+9DKtdsC7EP5pXtyX" \
        "wvbnCj2kT+8JPGb++tOJylihDSO2BNrtqVukkiV8dXYY0MQNufPinSnBZP7s1RXN4F99k0tSI3e5TI2DwRFBV0jcu7rYZlzx3mO1" \
        "ltNp/9UVA3zxLz663SPnoBBUUNlXnY90JudOLfwXNP68KiCt/YIG7XrIRMY8iXNFrTS9BIlaLb+LIgmh29FN/YcQsXsAyum835Fo" \
        "ULcDLqzrTjA+3rfRvQLwrq5QsJcEVuZYVRQS5td4RbRDz4GLQzHtRT0DSe89aFAndaK8h4i/WLDoOI8SJ8B8m+VvOWDYnx/7qP6N" \
        "sCnicVg7BQzYqAtlTTHUzi5Nd2p7Hc3FbbqYU74EdNTtFAwDsI95N0f+LC3wRK1xvGgaRSdnJeklhNVsdO00TDkmAVdkkK+o7Pij" \
        "2Ss2ywW9uRH5gnosnfswiWxAe9LvwJfBr4MNtha7evAwcvqkRvBJFgd+AVugOuwOCC3rHFEquaoUWpNrvSBFMVooWgs0fMMcStYY" \
        "j+vRd9aNDtgHsbgSQvCFDmo91lcqRFcwYqDf8JmQwZO9yYOzjb/73MBsxRzuXpeQ9/L/SrIgL3zS7LLTybbQ3LJO592vz+sEk6/P" \
        "/IOZSGPSh5NLVLSzjHfUuMR60hJ8zGo34QHJ/p1m6aHfk52hAgMBAAGjdTBzMA4GA1UdDwEB/wQEAwIBhjAQBgNVHSUECTAHBgVn" \
        "gQUIATAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBRl9OTmqvb9WtKInKhTVfcAjgj3pTAfBgNVHSMEGDAWgBRl9OTmqvb9WtKI" \
        "nKhTVfcAjgj3pTANBgkqhkiG9w0BAQsFAAOCAgEAJY6404gcN0hetPP/wdmL8fullQHfro3Jw5V311MFlkFEHpHS0+Bhg+Brt2J3" \
        "D9CVpsAhmU5Wy8CrdZ25dh8vRp27Ki5zaq3VWnyQSt0zjIGwez7WMbq4ky5SfMlkmM5XvE1Boi99P6K4Qi2pJdU1JA4yYi6aiTz6" \
        "A7iG7df769VokOD1Q4LIccD5MLUys+ptnbn30e1VmteBrHagrYUpedUUTzBo2050DoQLPTuGRBsQBnBkMD2N+yrj6Nov4YufKPQU" \
        "klu3PtLxdjZMa3U7Yd+Aw2WJJgD4xu0OH4SYfnnguaSX20njyi8tXNxkhelXGMQt85YCuoYE5nBMDLQ0M0jsz0abUHjYavlHsVTx" \
        "wPNWxUFONI3+tDdy9ZWXwhYDRg/C+z7IvcrO9hcnghmJ7a1lX1oTHCah9bjTqz5w+cccx/nXHXpMglcACXJXE7LlvO3VeStT+57c" \
        "PuIfpRO7dRbce1O8qfnGH4Sk0LNmJai6OfFU/5499lvPdWbwChdLwaTFu/2Hs/Tq4bXvi9nHk0WSIQbPuUsFACRUf1U+NhyF7Ly6" \
        "vWkI2cV3fI2wN1gQ2YgOiESSNE50dof8LyJ6RO97aQqAkW0Qeqj7xfL2+U6qlCQNNp4gSbBegysrcGNZKz/iBmmWoNvicw9mpPQq" \
        "HnLv60IvRumxby/n617o/jU=" \
        "\n-----END CERTIFICATE-----\n"
/* clang-format on */

static struct cert_list roots;

static void parse(void)
{
        struct fault *f = cert_list_from_pem(SPAN(GCP_EK_AK_CA_ROOT TPM_EK_ROOT_1), &roots);
        assert(f == NULL); /* a literal */
        fault_free(f);
}

const struct cert_list *tpm_roots(void)
{
        static pthread_once_t once = PTHREAD_ONCE_INIT;
        (void) pthread_once(&once, parse); /* can't fail */
        return &roots;
}
