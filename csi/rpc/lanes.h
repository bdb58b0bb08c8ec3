/* lanes: calls that must answer at once and calls that may wait for an attestation do not share threads. */
#pragma once

enum csi_lane { CSI_LANE_QUICK, CSI_LANE_PUBLISH, CSI_LANE_UNPUBLISH, CSI_LANE_COUNT };
